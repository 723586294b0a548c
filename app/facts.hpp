#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "app/config.hpp"
#include "app/model_keeper.hpp"
#include "app/pipeline.hpp"
#include "console/server.hpp"

namespace holdfast::app {

/// What the service tells of itself over HTTP. The pipeline comes and goes; between two of them little is known.
/// Called on the HTTP thread, but for watch().
class ServiceFacts final : public console::Facts {
 public:
  ServiceFacts(const Config& config, const ModelKeeper& models) : config_(config), models_(models) {}

  /// The pipeline to tell of; null: none runs. Returns once nobody reads the former one.
  void watch(Pipeline* pipeline);

  bool ready(std::string& why_not) override;
  console::Snapshot metrics() override;
  std::string status_json() override;
  Expected<std::optional<std::string>> customer_json(std::string_view id) override;

 private:
  const Config& config_;
  const ModelKeeper& models_;
  std::mutex mutex_;
  Pipeline* pipeline_ = nullptr;
};

/// What catching up looks like at one moment, summed over all partitions.
struct Progress {
  std::uint64_t events = 0;    ///< Applied since the pipeline began.
  std::uint64_t restored = 0;  ///< Replayed.
  std::uint64_t loaded = 0;    ///< Customers read from checkpoints.
  std::int64_t lag = 0;        ///< Events still in the log.
  std::uint64_t misplaced = 0;
  std::uint64_t other_currency = 0;
  std::uint64_t customers = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t cold_customers = 0;  ///< In the scratch file.
  bool lacks_scratch = false;
  Timestamp stream_time = before_all_time;  ///< The least of all tasks'.
  bool restoring = false;
};
[[nodiscard]] Progress progress_of(const Statistics& statistics);

}  // namespace holdfast::app
