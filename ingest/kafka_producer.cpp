#include "ingest/kafka_producer.hpp"

#include <utility>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {
namespace {

class Producer final : public KafkaProducer {
 public:
  Producer(std::shared_ptr<KafkaClient> client, Duration patience) : client_(std::move(client)), patience_(patience) {
    client_->on_delivery = [this](const rd_kafka_message_t& message) {
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && failure_.empty()) failure_ = text_of(message.err);
    };
  }

  Status send(const std::string& topic, std::string_view key, std::string_view value, Timestamp timestamp) override {
    while (true) {
      const rd_kafka_resp_err_t sent = rd_kafka_producev(
          client_->get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
          RD_KAFKA_V_TIMESTAMP(timestamp.ms < 0 ? 0 : timestamp.ms), RD_KAFKA_V_END);
      if (sent == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      if (sent != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return fail(ErrorKind::failed, fmt::format("topic {}: a record is not taken: {}", topic, text_of(sent)));
      rd_kafka_poll(client_->get(), 100);
    }
    if (++sent_ % 1000 == 0) rd_kafka_poll(client_->get(), 0);
    return failure();
  }

  Status flush() override {
    const Deadline deadline(patience_);
    while (rd_kafka_outq_len(client_->get()) > 0) {
      if (deadline.passed())
        return fail(ErrorKind::unavailable, fmt::format("brokers at {}: {} records were not delivered in time",
                                                        client_->brokers(), rd_kafka_outq_len(client_->get())));
      rd_kafka_flush(client_->get(), deadline.remaining_ms(1'000));
    }
    return failure();
  }

 private:
  [[nodiscard]] Status failure() const {
    if (failure_.empty()) return {};
    return fail(ErrorKind::failed,
                fmt::format("brokers at {}: a record was not delivered: {}", client_->brokers(), failure_));
  }

  const std::shared_ptr<KafkaClient> client_;
  const Duration patience_;
  std::string failure_;
  std::uint64_t sent_ = 0;
};

}  // namespace

Expected<std::unique_ptr<KafkaProducer>> make_kafka_producer(const KafkaSettings& settings, Partitioner partitioner) {
  if (const Status fine = check_settings(settings); !fine) return std::unexpected(fine.error());
  auto client = KafkaClient::create(
      settings, RD_KAFKA_PRODUCER, {{"linger.ms", "5"}, {"batch.size", "1000000"}, {"compression.type", "none"}},
      {{"enable.idempotence", "true"},
       {"partitioner", partitioner == Partitioner::consistent ? "consistent" : "murmur2"}});
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Producer>(std::move(*client), settings.patience);
}

}  // namespace holdfast::ingest
