#include "ingest/kafka_transactions.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

constexpr int call_timeout_ms = 5000;

}  // namespace

Transactions::Transactions(std::shared_ptr<KafkaClient> producer, std::string id, std::optional<Duration> patience)
    : producer_(std::move(producer)), id_(std::move(id)) {
  const std::string timeout = producer_->property("transaction.timeout.ms");
  std::from_chars(timeout.data(), timeout.data() + timeout.size(), timeout_.ms);
  patience_ = patience.value_or(timeout_);
}

Status Transactions::init(Duration at_most) {
  return repeat("init_transactions", at_most, [&](int ms) { return rd_kafka_init_transactions(producer_->get(), ms); });
}

Status Transactions::begin() {
  const CallErrorPtr error(rd_kafka_begin_transaction(producer_->get()));
  if (error) return meaning("begin_transaction", *error);
  end_.emplace(timeout_);
  return {};
}

// Of all calls this one alone ends only with an outcome, whatever its time-out; and librdkafka, up to its newest
// version, forgets the request if its search for the group's coordinator fails in certain ways, as it may when brokers
// hang.
Status Transactions::send_offsets(std::shared_ptr<const rd_kafka_topic_partition_list_t> offsets,
                                  std::shared_ptr<const Membership> membership) {
  const Deadline limit({patience_.ms + call_timeout_ms});
  return repeat("send_offsets_to_transaction", patience_, [&](int ms) {
    return wait_apart(
        [producer = producer_, offsets, membership, ms] {
          return rd_kafka_send_offsets_to_transaction(producer->get(), offsets.get(), membership->metadata.get(), ms);
        },
        limit);
  });
}

Status Transactions::commit() {
  return repeat("commit_transaction", patience_,
                [&](int ms) { return rd_kafka_commit_transaction(producer_->get(), ms); });
}

void Transactions::abort() {
  if (left_behind_) return;
  // A partition becomes part of the transaction with its first delivery; one that is aborted before could be joined by
  // a late request, and stay open. What cannot be delivered now is left to the init() of the next producer.
  if (rd_kafka_flush(producer_->get(), 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const CallErrorPtr ignored(rd_kafka_abort_transaction(producer_->get(), call_timeout_ms));
}

rd_kafka_error_t* Transactions::wait_apart(std::function<rd_kafka_error_t*()> call, const Deadline& limit) {
  std::packaged_task<CallErrorPtr()> task([call = std::move(call)] { return CallErrorPtr(call()); });
  auto outcome = task.get_future();
  std::thread waits;
  try {
    waits = std::thread(std::move(task));
  } catch (const std::system_error& e) {
    return rd_kafka_error_new(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, "%s", e.what());
  }
  const std::chrono::milliseconds left(limit.remaining_ms(std::numeric_limits<int>::max()));
  if (outcome.wait_for(left) == std::future_status::ready) {
    waits.join();
    return outcome.get().release();
  }
  waits.detach();
  left_behind_ = true;
  producer_->silence();
  return rd_kafka_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT, "librdkafka does not come back; its producer is left behind");
}

Status Transactions::repeat(const char* what, Duration at_most, const Call& call) {
  const Deadline deadline(at_most);
  for (;;) {
    const CallErrorPtr error(call(std::max(1, deadline.remaining_ms(call_timeout_ms))));
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
