#include "app/calibration_watch.hpp"

namespace holdfast::app {

CalibrationWatch::News CalibrationWatch::look(std::size_t partition, const PartitionStatistics& now) {
  const CalibrationStatistics& calibration = now.calibration;
  if (!now.assigned.get() || !calibration.watched.get() || calibration.outcomes.get() <= 0) {
    off_.erase(partition);
    return News::none;
  }
  if (calibration.is_off(ece_max_)) return off_.insert(partition).second ? News::off : News::none;
  return off_.erase(partition) > 0 ? News::again : News::none;
}

}  // namespace holdfast::app
