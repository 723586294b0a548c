#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// Views live until the visitor returns.
struct TailRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  Timestamp timestamp{-1};  ///< The log's own; -1: it has none.
  std::string_view value;   ///< data() == nullptr: no value.
};

/// Reads a topic from its beginning, as a consumer of its own that belongs to no group and sees committed records only.
class KafkaTail {
 public:
  virtual ~KafkaTail() = default;
  using Visitor = std::function<void(const TailRecord& record)>;
  /// Visits what has come, each partition in its order, and waits up to `wait` if there is nothing. unavailable: no
  /// broker for longer than the settings' patience.
  [[nodiscard]] virtual Status poll(const Visitor& visit, Duration wait) = 0;
  [[nodiscard]] virtual std::int32_t partitions() const = 0;
  /// All that the topic held when it was opened was visited.
  [[nodiscard]] virtual bool reached_end() const = 0;
};

/// invalid_argument: there is no such topic.
[[nodiscard]] Expected<std::unique_ptr<KafkaTail>> open_kafka_tail(const KafkaSettings& settings,
                                                                   const std::string& topic);

}  // namespace holdfast::ingest
