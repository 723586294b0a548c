#include "tests/support/broker.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;

constexpr int timeout_ms = 30'000;

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
template <class T, auto destroy>
using Owned = std::unique_ptr<T, Destroy<destroy>>;
using Handle = Owned<rd_kafka_t, rd_kafka_destroy>;
using TopicHandle = Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using QueueHandle = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using EventHandle = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using Metadata = Owned<const struct rd_kafka_metadata, rd_kafka_metadata_destroy>;
using Properties = std::map<std::string, std::string>;

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  throw std::runtime_error(what + ": " + why);
}

void check(const std::string& what, rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(what, rd_kafka_err2str(code));
}

void check(const std::string& what, rd_kafka_error_t* error) {
  if (error == nullptr) return;
  const std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  give_up(what, why);
}

// Of one topic, or of all.
Metadata describe(rd_kafka_t* handle, rd_kafka_topic_t* topic) {
  const struct rd_kafka_metadata* metadata = nullptr;
  check("describe topics", rd_kafka_metadata(handle, topic == nullptr ? 1 : 0, topic, &metadata, timeout_ms));
  return Metadata(metadata);
}

Handle make_handle(rd_kafka_type_t type, Properties properties, const std::string& bootstrap) {
  properties["bootstrap.servers"] = bootstrap;
  properties["reconnect.backoff.max.ms"] = "200";
  properties["log_level"] = "2";  // That a broker is away is what tests are about.
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      give_up(name, why.data());
    }
  }
  if (type == RD_KAFKA_PRODUCER) {  // Without it flush() waits in steps of 10 ms.
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t*, void*) {});
  }
  Handle handle(rd_kafka_new(type, conf, why.data(), why.size()));
  if (!handle) give_up("rd_kafka_new", why.data());
  return handle;
}

void send(rd_kafka_t* producer, const std::string& topic, std::int32_t partition, const std::optional<std::string>& key,
          const std::optional<std::string>& value, std::span<const Header> headers) {
  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const Header& h : headers) {
    rd_kafka_header_add(list, h.name.c_str(), -1, h.has_value ? h.value.data() : nullptr,
                        static_cast<ssize_t>(h.value.size()));
  }
  const char* key_bytes = key ? key->data() : nullptr;
  char* value_bytes = value ? const_cast<char*>(value->data()) : nullptr;
  for (;;) {
    const auto code = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key_bytes, (key ? key->size() : 0)),
        RD_KAFKA_V_VALUE(value_bytes, (value ? value->size() : 0)), RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return check("produce to " + topic, code);
    rd_kafka_poll(producer, 10);
  }
}

ConsumedRecord to_record(const rd_kafka_message_t& message) {
  const auto text = [](const void* bytes, std::size_t size) -> std::optional<std::string> {
    if (bytes == nullptr) return std::nullopt;
    return std::string(static_cast<const char*>(bytes), size);
  };
  ConsumedRecord record{
      message.partition, message.offset, text(message.key, message.key_len), text(message.payload, message.len), {}};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
      record.headers.push_back({name, text(value, size).value_or(""), value != nullptr});
    }
  }
  return record;
}

// Clients are told of a new topic a little later than its creator.
void wait_until_known(rd_kafka_t* handle, const std::string& topic) {
  const TopicHandle rkt(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    if (describe(handle, rkt.get())->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (std::chrono::steady_clock::now() > deadline) give_up("create " + topic, "it does not appear");
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Life

std::string deploy_kafka(const std::vector<std::string>& arguments, const std::string& settings) {
  const std::string program = std::string(HOLDFAST_SOURCE_DIR) + "/deploy/kafka";
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);

  std::vector<std::string> variables;
  for (char** e = environ; *e != nullptr; ++e) variables.emplace_back(*e);
  variables.push_back("KAFKA_SETTINGS=" + settings);
  variables.emplace_back("KAFKA_OPTS=-XX:TieredStopAtLevel=1");  // They live for seconds.
  std::vector<char*> envp;
  for (std::string& v : variables) envp.push_back(v.data());
  envp.push_back(nullptr);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe", "no descriptors left");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = -1;
  const int spawned = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string printed;
  std::array<char, 256> chunk{};
  for (ssize_t n = 0; (n = read(ends[0], chunk.data(), chunk.size())) > 0;) {
    printed.append(chunk.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  if (spawned != 0 || waitpid(child, &status, 0) != child || status != 0) give_up(program, "it failed");
  while (!printed.empty() && printed.back() == '\n') printed.pop_back();
  return printed;
}

std::filesystem::path make_kafka_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-broker-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) give_up("mkdtemp", name);
  return name;
}

pid_t pid_of_broker(const std::filesystem::path& home) {
  pid_t result = -1;
  return std::ifstream(home / "pid") >> result ? result : -1;
}

void kill_broker(const std::filesystem::path& home) {
  const pid_t p = pid_of_broker(home);
  if (p <= 0) return;
  kill(p, SIGKILL);
  for (int i = 0; kill(p, 0) == 0; ++i) {
    // It is no child of ours; init takes it.
    std::ifstream state(fmt::format("/proc/{}/stat", p));
    std::string number, name, letter;
    if (state >> number >> name >> letter && letter == "Z") break;
    if (i > 10'000) give_up("kill -9", "the broker lives on");
    std::this_thread::sleep_for(1ms);
  }
  std::filesystem::remove(home / "pid");
}

Broker::Broker(const std::string& settings) : directory_(make_kafka_directory()), settings_(settings) {
  try {
    start();
  } catch (...) {  // It may run, though not in time.
    end();
    throw;
  }
}

Broker::~Broker() { end(); }

void Broker::end() noexcept {
  try {
    kill9();
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Broker::start() { bootstrap_ = deploy_kafka({"start", "--port", "0", "--dir", directory_.string()}, settings_); }

void Broker::restart() { start(); }

void Broker::stop() { deploy_kafka({"stop", "--dir", directory_.string()}, settings_); }

void Broker::kill9() { kill_broker(directory_); }

void Broker::pause() { kill(pid_of_broker(directory_), SIGSTOP); }
void Broker::resume() { kill(pid_of_broker(directory_), SIGCONT); }

// ---------------------------------------------------------------------------------------------------------------------
// Topics and records

void Kafka::create_topic(const std::string& topic, std::int32_t partitions, const Properties& settings) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {}, bootstrap_);
  std::array<char, 512> why{};
  const Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> plan(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, why.data(), why.size()));
  for (const auto& [name, value] : settings) {
    check(name, rd_kafka_NewTopic_set_config(plan.get(), name.c_str(), value.c_str()));
  }
  const QueueHandle answers(rd_kafka_queue_new(handle.get()));
  rd_kafka_NewTopic_t* one = plan.get();
  rd_kafka_CreateTopics(handle.get(), &one, 1, nullptr, answers.get());
  const EventHandle event(rd_kafka_queue_poll(answers.get(), timeout_ms));
  if (!event) give_up("create " + topic, "no answer");
  check("create " + topic, rd_kafka_event_error(event.get()));
  std::size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count == 1) check("create " + topic, rd_kafka_topic_result_error(results[0]));
  wait_until_known(handle.get(), topic);
}

std::optional<int> Kafka::leader(const std::string& topic, std::int32_t partition) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {}, bootstrap_);
  const TopicHandle rkt(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
  const Metadata metadata = describe(handle.get(), rkt.get());
  for (const auto& found : std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    for (const auto& p : std::span(found.partitions, static_cast<std::size_t>(found.partition_cnt))) {
      if (p.id == partition && p.leader >= 0) return p.leader;
    }
  }
  return std::nullopt;
}

std::size_t Kafka::partitions_out_of_sync() {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {}, bootstrap_);
  const Metadata metadata = describe(handle.get(), nullptr);
  std::size_t behind = 0;
  for (const auto& topic : std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    for (const auto& p : std::span(topic.partitions, static_cast<std::size_t>(topic.partition_cnt)))
      behind += p.leader < 0 || p.isr_cnt < p.replica_cnt ? 1 : 0;
  }
  return behind;
}

void Kafka::allow_only(std::span<const Operation> operations, Resource resource, const std::string& name) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {}, bootstrap_);
  for (const Operation operation : operations) {
    std::array<char, 512> why{};
    const Owned<rd_kafka_AclBinding_t, rd_kafka_AclBinding_destroy> rule(
        rd_kafka_AclBinding_new(resource == Resource::topic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_GROUP,
                                name.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:ANONYMOUS", "*",
                                operation == Operation::read       ? RD_KAFKA_ACL_OPERATION_READ
                                : operation == Operation::describe ? RD_KAFKA_ACL_OPERATION_DESCRIBE
                                                                   : RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
                                RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why.data(), why.size()));
    if (!rule) give_up("restrict " + name, why.data());
    const QueueHandle answers(rd_kafka_queue_new(handle.get()));
    rd_kafka_AclBinding_t* one = rule.get();
    rd_kafka_CreateAcls(handle.get(), &one, 1, nullptr, answers.get());
    const EventHandle event(rd_kafka_queue_poll(answers.get(), timeout_ms));
    if (!event) give_up("restrict " + name, "no answer");
    check("restrict " + name, rd_kafka_event_error(event.get()));
  }
}

void Kafka::produce(const std::string& topic, std::int32_t partition, const std::optional<std::string>& key,
                    const std::optional<std::string>& value, std::span<const Header> headers) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {{"linger.ms", "0"}}, bootstrap_);
  send(handle.get(), topic, partition, key, value, headers);
  check("deliver to " + topic, rd_kafka_flush(handle.get(), timeout_ms));
}

void Kafka::produce_numbers(const std::string& topic, std::int32_t partition, int first, int count) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {{"enable.idempotence", "true"}}, bootstrap_);
  for (int i = first; i < first + count; ++i) send(handle.get(), topic, partition, "k", std::to_string(i), {});
  check("deliver to " + topic, rd_kafka_flush(handle.get(), timeout_ms));
}

void Kafka::delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  const Handle handle = make_handle(RD_KAFKA_PRODUCER, {}, bootstrap_);
  const Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy> before(
      rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), partition)->offset = offset;
  const Owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy> request(
      rd_kafka_DeleteRecords_new(before.get()));
  const QueueHandle answers(rd_kafka_queue_new(handle.get()));
  rd_kafka_DeleteRecords_t* one = request.get();
  rd_kafka_DeleteRecords(handle.get(), &one, 1, nullptr, answers.get());
  const EventHandle event(rd_kafka_queue_poll(answers.get(), timeout_ms));
  if (!event) give_up("delete records of " + topic, "no answer");
  check("delete records of " + topic, rd_kafka_event_error(event.get()));
}

std::vector<ConsumedRecord> Kafka::consume_all(const std::string& topic, bool read_committed) {
  const Handle handle = make_handle(RD_KAFKA_CONSUMER,
                                    {{"isolation.level", read_committed ? "read_committed" : "read_uncommitted"},
                                     {"enable.partition.eof", "true"},
                                     {"fetch.wait.max.ms", "20"}},
                                    bootstrap_);
  const TopicHandle rkt(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
  const int partitions = describe(handle.get(), rkt.get())->topics[0].partition_cnt;
  std::vector<ConsumedRecord> records;
  for (std::int32_t p = 0; p < partitions; ++p) {
    if (rd_kafka_consume_start(rkt.get(), p, RD_KAFKA_OFFSET_BEGINNING) != 0) give_up("consume " + topic, "no start");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (bool more = true; more;) {
      if (std::chrono::steady_clock::now() > deadline) give_up("consume " + topic, "no end in sight");
      const Owned<rd_kafka_message_t, rd_kafka_message_destroy> message(rd_kafka_consume(rkt.get(), p, 100));
      if (!message) continue;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        more = false;
      } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        records.push_back(to_record(*message));
      }
    }
    rd_kafka_consume_stop(rkt.get(), p);
  }
  return records;
}

std::vector<ConsumedRecord> Kafka::consume_at_least(const std::string& topic, std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    auto records = consume_all(topic);
    if (records.size() >= count || std::chrono::steady_clock::now() > deadline) return records;
    std::this_thread::sleep_for(20ms);
  }
}

// ---------------------------------------------------------------------------------------------------------------------

struct ForeignTransaction::Producer {
  Handle handle;
};

ForeignTransaction::ForeignTransaction(const Kafka& kafka, const std::string& transactional_id)
    : producer_(std::make_unique<Producer>()) {
  producer_->handle =
      make_handle(RD_KAFKA_PRODUCER, {{"transactional.id", transactional_id}, {"linger.ms", "0"}}, kafka.bootstrap());
  check("init_transactions", rd_kafka_init_transactions(producer_->handle.get(), timeout_ms));
  check("begin_transaction", rd_kafka_begin_transaction(producer_->handle.get()));
}

ForeignTransaction::~ForeignTransaction() = default;

void ForeignTransaction::produce(const std::string& topic, std::int32_t partition, const std::string& key,
                                 const std::string& value) {
  send(producer_->handle.get(), topic, partition, key, value, {});
  check("deliver to " + topic, rd_kafka_flush(producer_->handle.get(), timeout_ms));
}

void ForeignTransaction::commit() {
  check("commit_transaction", rd_kafka_commit_transaction(producer_->handle.get(), timeout_ms));
}

void ForeignTransaction::abort() {
  check("abort_transaction", rd_kafka_abort_transaction(producer_->handle.get(), timeout_ms));
}

// ---------------------------------------------------------------------------------------------------------------------

struct Follower::State {
  Handle handle;
  mutable std::mutex mutex;
  std::vector<ConsumedRecord> seen;
  std::string failure;
  std::jthread thread;  ///< Last: it ends before what it uses.

  void follow(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Owned<rd_kafka_message_t, rd_kafka_message_destroy> message(rd_kafka_consumer_poll(handle.get(), 50));
      if (!message) continue;
      const std::lock_guard lock(mutex);
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        seen.push_back(to_record(*message));
      } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                 rd_kafka_fatal_error(handle.get(), nullptr, 0)) {
        failure = rd_kafka_message_errstr(message.get());
      }
    }
  }
};

Follower::Follower(const Kafka& kafka, const std::string& topic, std::int32_t partitions)
    : state_(std::make_unique<State>()) {
  state_->handle = make_handle(RD_KAFKA_CONSUMER,
                               {{"group.id", "follower"},
                                {"enable.auto.commit", "false"},
                                {"isolation.level", "read_committed"},
                                {"auto.offset.reset", "error"},
                                {"fetch.wait.max.ms", "20"}},
                               kafka.bootstrap());
  const Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy> all(
      rd_kafka_topic_partition_list_new(partitions));
  for (std::int32_t p = 0; p < partitions; ++p)
    rd_kafka_topic_partition_list_add(all.get(), topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
  check("follow " + topic, rd_kafka_assign(state_->handle.get(), all.get()));
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->follow(stop); });
}

Follower::~Follower() = default;

std::size_t Follower::count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->seen.size();
}

std::vector<ConsumedRecord> Follower::seen() const {
  const std::lock_guard lock(state_->mutex);
  return state_->seen;
}

std::string Follower::failure() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failure;
}

}  // namespace holdfast::testing
