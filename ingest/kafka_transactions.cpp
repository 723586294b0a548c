#include "ingest/kafka_transactions.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "ingest/bounded_call.hpp"

namespace holdfast::ingest {
namespace {

constexpr int call_timeout_ms = 5000;
/// In which librdkafka looks for requests that have timed out, and more.
constexpr Duration scan_interval{3000};

}  // namespace

Transactions::Transactions(std::shared_ptr<KafkaClient> producer, std::string id, std::optional<Duration> patience)
    : producer_(std::move(producer)), id_(std::move(id)) {
  read("transaction.timeout.ms", timeout_);
  read("socket.timeout.ms", socket_timeout_);
  patience_ = patience.value_or(timeout_);
}

void Transactions::read(const char* property, Duration& value) const {
  const std::string text = producer_->property(property);
  std::from_chars(text.data(), text.data() + text.size(), value.ms);
}

Status Transactions::init(Duration at_most) {
  return repeat("init_transactions", at_most,
                [&](int ms) { return CallErrorPtr(rd_kafka_init_transactions(producer_->get(), ms)); });
}

Status Transactions::begin() {
  const CallErrorPtr error(rd_kafka_begin_transaction(producer_->get()));
  if (error) return meaning("begin_transaction", *error);
  end_.emplace(timeout_);
  return {};
}

// Of all calls this one alone ends only with an outcome, whatever its time-out; and librdkafka, as of 2.0 to 2.15,
// loses the request where its search for the group's coordinator is refused three times in a row.
Status Transactions::send_offsets(std::shared_ptr<const rd_kafka_topic_partition_list_t> offsets,
                                  std::shared_ptr<const Membership> membership) {
  return repeat("send_offsets_to_transaction", patience_, [&](int ms) {
    // Two requests, one behind the other, each of which is answered or given up within a socket's time-out.
    const Duration limit{ms + 2 * socket_timeout_.ms + scan_interval.ms};
    auto error = call_within(limit, [producer = producer_, offsets, membership, ms] {
      return CallErrorPtr(
          rd_kafka_send_offsets_to_transaction(producer->get(), offsets.get(), membership->metadata.get(), ms));
    });
    if (error) return std::move(*error);
    left_behind_ = true;
    producer_->silence();
    return CallErrorPtr(rd_kafka_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT,
                                           "no answer from the group's coordinator; the producer is left behind"));
  });
}

Status Transactions::commit() {
  return repeat("commit_transaction", patience_,
                [&](int ms) { return CallErrorPtr(rd_kafka_commit_transaction(producer_->get(), ms)); });
}

void Transactions::abort() {
  if (left_behind_) return;
  // A partition becomes part of the transaction with its first delivery; one that is aborted before could be joined by
  // a late request, and stay open. What cannot be delivered now is left to the init() of the next producer.
  if (rd_kafka_flush(producer_->get(), 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const CallErrorPtr ignored(rd_kafka_abort_transaction(producer_->get(), call_timeout_ms));
}

Status Transactions::repeat(const char* what, Duration at_most, const Call& call) {
  const Deadline deadline(at_most);
  for (;;) {
    const CallErrorPtr error = call(std::max(1, deadline.remaining_ms(call_timeout_ms)));
    if (!error) return {};
    if (!rd_kafka_error_is_retriable(error.get()) || deadline.passed()) return meaning(what, *error);
    rd_kafka_poll(producer_->get(), 10);
  }
}

Status Transactions::meaning(const char* what, const rd_kafka_error_t& error) const {
  return meaning(what, rd_kafka_error_code(&error), rd_kafka_error_string(&error));
}

Status Transactions::meaning(const char* what, rd_kafka_resp_err_t code, std::string_view text) const {
  // What was purged or refused after a fatal error says less than that error.
  if (const FatalError fatal = fatal_error_of(*producer_); fatal.code != RD_KAFKA_RESP_ERR_NO_ERROR) code = fatal.code;
  ErrorKind kind = kind_of(code, ErrorKind::rollback);
  // A broker that gave up the transaction for its age fences its producer as another instance would.
  if (kind == ErrorKind::fenced && end_ && end_->passed()) kind = ErrorKind::rollback;
  return fail(kind, fmt::format("{} of '{}': {}", what, id_, text));
}

}  // namespace holdfast::ingest
