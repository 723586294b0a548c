#include "ingest/kafka_instances.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "ingest/kafka_assignment.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_transactions.hpp"

namespace holdfast::ingest {
namespace {

constexpr int request_timeout_ms = 5000;

struct GroupsDeleter {
  void operator()(const struct rd_kafka_group_list* groups) const { rd_kafka_group_list_destroy(groups); }
};

class Group final : public Instances {
 public:
  Group(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  Expected<Members> members() override {
    const Deadline deadline(settings_.patience);
    for (;;) {
      const struct rd_kafka_group_list* raw = nullptr;
      const auto code = rd_kafka_list_groups(client_->get(), settings_.application_id.c_str(), &raw,
                                             std::max(1, deadline.remaining_ms(request_timeout_ms)));
      const std::unique_ptr<const struct rd_kafka_group_list, GroupsDeleter> groups(raw);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR && raw != nullptr && raw->group_cnt == 1 &&
          raw->groups[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return members_of(raw->groups[0]);
      if (deadline.passed())
        return fail(kind_of(code, ErrorKind::unavailable),
                    fmt::format("group '{}' cannot be described: {}", settings_.application_id, text_of(code)));
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
      if (auto s = Transactions(**client, id).init(settings_.patience); !s) return s;
    }
    return {};
  }

 private:
  [[nodiscard]] Expected<Members> members_of(const struct rd_kafka_group_info& group) const {
    Members result{.settled = std::string_view(group.state) == "Stable", .instances = {}};
    for (const auto& member : std::span(group.members, static_cast<std::size_t>(std::max(group.member_cnt, 0)))) {
      const std::string id = instance_of_member(member.member_id, settings_.application_id);
      if (id.empty()) continue;
      const std::string_view assignment(static_cast<const char*>(member.member_assignment),
                                        static_cast<std::size_t>(std::max(member.member_assignment_size, 0)));
      const auto partitions = assigned_partitions(assignment, settings_.source_topics.front());
      if (!partitions) return std::unexpected(partitions.error());
      result.instances.push_back({id, *partitions});
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
