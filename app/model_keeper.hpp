#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "app/known_models.hpp"
#include "app/text_file.hpp"
#include "app/wanted_model.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {

/// Between the moment at which an instance hears of a model and the moment from which it counts: enough for every task,
/// and every other instance, to hear of it before, so that it is the same moment for all.
inline constexpr Duration model_lead{3'000};

/// Reads a model for a configuration that runs already. invalid_argument: it is none, or alerts cannot be made with it
/// under the risk settings; a line for each fault.
[[nodiscard]] Expected<std::shared_ptr<const engine::Model>> model_for(const Config& config, KnownModels& known,
                                                                       std::string_view bytes, const std::string& name);

/// What is no fault of a sound model and yet hardly meant, a line each.
[[nodiscard]] std::vector<std::string> warnings_of(const Config& config, std::string_view bytes,
                                                   const std::string& name);

/// The models topic, from its beginning. invalid_argument: there is none, or it has more partitions than one, so that
/// nobody could say what its newest record is.
[[nodiscard]] Expected<std::unique_ptr<ingest::KafkaTail>> open_models_topic(const Config& config);

/// A record of the models topic.
struct ModelRecord {
  std::int64_t offset = 0;
  Timestamp written_at;
  std::string bytes;
};

/// Which model is in force: the newest sound one of the models topic, or else that of the file. What is refused is
/// said, counted and without effect. Any thread.
class ModelKeeper {
 public:
  /// Both outlive it. The configuration's own model is in force first.
  ModelKeeper(const Config& config, const Clock& clock);

  /// Reads risk.model again.
  Status read_file(const FileReader& files = text_files());
  /// What the topic held when it was opened, in its order: the newest sound one counts.
  void take_history(std::span<const ModelRecord> records);
  /// What has come since.
  Status take(const ModelRecord& record);

  [[nodiscard]] KnownModels& known() { return known_; }
  [[nodiscard]] const WantedModel& wanted() const { return wanted_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Expected<std::shared_ptr<const engine::Model>> read(std::string_view bytes, const std::string& name);
  void put_in_force(Timestamp from, const std::string& where);

  const Config& config_;
  const Clock& clock_;
  KnownModels known_;
  std::mutex mutex_;
  std::shared_ptr<const engine::Model> of_file_;
  std::shared_ptr<const engine::Model> of_topic_;  ///< Null: the topic has none, or there is no topic.
  WantedModel wanted_;
  std::atomic<std::uint64_t> refused_{0};  ///< Relaxed: for people.
};

}  // namespace holdfast::app
