#include "ingest/kafka_instances.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_topic_settings.hpp"
#include "ingest/kafka_transactions.hpp"

namespace holdfast::ingest {
namespace {

class Group final : public Instances {
 public:
  Group(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  // The group's coordinator alone is asked: others may be down.
  Expected<Members> members() override {
    const Deadline deadline(settings_.patience);
    const char* group = settings_.application_id.c_str();
    for (;;) {
      const auto event =
          ask(*client_, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, deadline, fmt::format("describe group '{}'", group),
              [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answers) {
                rd_kafka_DescribeConsumerGroups(client_->get(), &group, 1, options, answers);
              });
      if (!event) return std::unexpected(event.error());
      std::size_t count = 0;
      const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(
          rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
      if (count != 1) return fail(ErrorKind::failed, fmt::format("group '{}' is not in the answer", group));
      const auto code = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(groups[0]));
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return members_of(*groups[0]);
      const ErrorKind kind = kind_of(code, ErrorKind::unavailable);
      if (kind != ErrorKind::unavailable || deadline.passed())
        return fail(kind, fmt::format("group '{}' cannot be described: {}", group, text_of(code)));
      rd_kafka_poll(client_->get(), 100);
    }
  }

  [[nodiscard]] const std::string& self() const override { return settings_.instance_id; }

  Status end_transactions_of(const std::string& instance) override {
    KafkaSettings theirs = settings_;
    theirs.instance_id = instance;
    for (const std::string& id : {member_id(theirs), member_id(theirs) + "-changelog"}) {
      auto client = KafkaClient::create(theirs, RD_KAFKA_PRODUCER, {},
                                        {{"enable.idempotence", "true"}, {"transactional.id", id}});
      if (!client) return std::unexpected(client.error());
      if (auto s = Transactions(*client, id).init(settings_.patience); !s) return s;
    }
    return {};
  }

 private:
  [[nodiscard]] Members members_of(const rd_kafka_ConsumerGroupDescription_t& group) const {
    Members result{.settled = rd_kafka_ConsumerGroupDescription_state(&group) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE,
                   .instances = {}};
    const std::string prefix = settings_.application_id + '-';
    for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(&group); ++i) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(&group, i);
      const char* id = rd_kafka_MemberDescription_group_instance_id(member);
      if (id == nullptr || !std::string_view(id).starts_with(prefix)) continue;  // Not one of the application.
      Instance& instance = result.instances.emplace_back();
      instance.id = id + prefix.size();
      const auto* partitions = rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
      for (const auto& p : std::span(partitions->elems, static_cast<std::size_t>(partitions->cnt))) {
        if (p.topic == settings_.source_topics.front()) instance.partitions.push_back(Partition{p.partition});
      }
      std::ranges::sort(instance.partitions);
    }
    std::ranges::sort(result.instances, {}, &Instance::id);
    return result;
  }

  const KafkaSettings settings_;
  const std::shared_ptr<KafkaClient> client_;
};

}  // namespace

Expected<std::unique_ptr<Instances>> make_kafka_instances(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, {}, {{"enable.auto.commit", "false"}});
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Group>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
