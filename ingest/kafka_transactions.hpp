#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"

/// Included by sources only, like kafka_client.hpp.
namespace holdfast::ingest {

/// The calls of a transactional producer, each repeated for as long as that can help, and what their errors mean.
/// After an error that is neither unavailable nor of kind failed the outcome is that of an aborted transaction or not
/// known: destroy the producer; the init() of the next one with the same id settles it.
class Transactions {
 public:
  /// `id` is for messages. A call is repeated for `patience` at most, where none is given for as long as the broker
  /// keeps a transaction open.
  Transactions(std::shared_ptr<KafkaClient> producer, std::string id, std::optional<Duration> patience = {});

  /// Fences earlier producers of the id and ends what they left open.
  [[nodiscard]] Status init(Duration at_most);
  [[nodiscard]] Status begin();
  /// REQUIRES: what the offsets stand for was delivered, if order matters: this is where the group refuses a member
  /// that no longer has its partitions.
  [[nodiscard]] Status send_offsets(std::shared_ptr<const rd_kafka_topic_partition_list_t> offsets,
                                    std::shared_ptr<const Membership> membership);
  [[nodiscard]] Status commit();
  /// Best effort.
  void abort();

  /// Whether a call of the producer did not come back, and was left behind with it.
  [[nodiscard]] bool left_behind() const { return left_behind_; }
  /// How long the broker keeps a transaction open.
  [[nodiscard]] Duration timeout() const { return timeout_; }
  [[nodiscard]] Status meaning(const char* what, rd_kafka_resp_err_t code, std::string_view text) const;

 private:
  using Call = std::function<CallErrorPtr(int timeout_ms)>;
  void read(const char* property, Duration& value) const;
  [[nodiscard]] Status repeat(const char* what, Duration at_most, const Call& call);
  [[nodiscard]] Status meaning(const char* what, const rd_kafka_error_t& error) const;

  const std::shared_ptr<KafkaClient> producer_;
  const std::string id_;
  Duration timeout_{60'000};
  Duration socket_timeout_{10'000};
  Duration patience_;
  std::optional<Deadline> end_;  ///< When the broker gives up the transaction that began last.
  bool left_behind_ = false;
};

}  // namespace holdfast::ingest
