#include "app/model_keeper.hpp"

#include <ranges>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "app/kafka_clients.hpp"
#include "app/model_file.hpp"
#include "app/units.hpp"

namespace holdfast::app {
namespace {

std::string name_of(const engine::Model& model) { return fmt::format("{} ({})", model.name, model.id); }

/// What keeps the model from being used under the risk settings that are in force; empty: nothing.
std::string misfit(const engine::Model& model, const Config& config) {
  if (model.logistic && config.policy.hysteresis < logistic_hysteresis_min)
    return fmt::format("logistic: needs a risk.hysteresis of at least {}, which is {}", logistic_hysteresis_min,
                       config.policy.hysteresis);
  if (model.horizon == config.policy.horizon) return {};
  if (model.logistic)
    return fmt::format(
        "horizon: is {}, and alerts are made for {}: the `logistic` part holds for no other horizon; "
        "train the model for {}, or restart with that risk.horizon",
        to_text(model.horizon), to_text(config.policy.horizon), to_text(config.policy.horizon));
  if (config.origin_of("risk.horizon") == "default")
    return fmt::format(
        "horizon: is {}, and alerts are made for {}, that of the model at the start: set risk.horizon "
        "to keep it whatever the model, or train the model for {}",
        to_text(model.horizon), to_text(config.policy.horizon), to_text(config.policy.horizon));
  return {};
}

std::string place_of(const Config& config, const ModelRecord& record) {
  return fmt::format("topic {} offset {}", config.models_topic, record.offset);
}

}  // namespace

Expected<std::shared_ptr<const engine::Model>> model_for(const Config& config, KnownModels& known,
                                                         std::string_view bytes, const std::string& name) {
  if (const auto parsed = parse_model(bytes, name); !parsed) return std::unexpected(parsed.error());
  auto model = known.read(bytes);
  if (!model) return model;
  if (const std::string fault = misfit(**model, config); !fault.empty())
    return fail(ErrorKind::invalid_argument, name + ": " + fault);
  return model;
}

std::vector<std::string> warnings_of(const Config& config, std::string_view bytes, const std::string& name) {
  auto parsed = parse_model(bytes, name);
  return parsed ? fit_to_sources(*parsed, config.sources, name) : std::vector<std::string>{};
}

Expected<std::unique_ptr<ingest::KafkaTail>> open_models_topic(const Config& config) {
  auto topic = ingest::open_kafka_tail(kafka_settings_of(config), config.models_topic);
  if (!topic || (*topic)->partitions() == 1) return topic;
  return fail(
      ErrorKind::invalid_argument,
      fmt::format("topics.models: topic '{}' has {} partitions, and must have one, or nobody could say which "
                  "of its records is the newest: name another topic, and let `holdfast topics --create` make it",
                  config.models_topic, (*topic)->partitions()));
}

ModelKeeper::ModelKeeper(const Config& config, const Clock& clock)
    : config_(config),
      clock_(clock),
      known_(config.sources),
      of_file_(std::make_shared<const engine::Model>(config.model)),
      wanted_({of_file_, clock.now() + model_lead}) {}

Status ModelKeeper::read_file(const FileReader& files) {
  const auto bytes = files(config_.model_path);
  if (!bytes) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("model refused: {}; the one in force stays", bytes.error().message);
    return std::unexpected(bytes.error());
  }
  auto model = read(*bytes, config_.model_path);
  if (!model) return std::unexpected(model.error());
  const std::lock_guard lock(mutex_);
  of_file_ = std::move(*model);
  if (of_topic_ != nullptr)
    spdlog::info("model: {} is read, and that of topic {} stays in force", config_.model_path, config_.models_topic);
  put_in_force(clock_.now() + model_lead, config_.model_path);
  return {};
}

void ModelKeeper::take_history(std::span<const ModelRecord> records) {
  for (const ModelRecord& record : std::views::reverse(records)) {
    if (take(record)) return;
  }
}

Status ModelKeeper::take(const ModelRecord& record) {
  auto model = read(record.bytes, place_of(config_, record));
  if (!model) return std::unexpected(model.error());
  const std::lock_guard lock(mutex_);
  of_topic_ = std::move(*model);
  // The same for all instances.
  const Timestamp written_at = record.written_at >= Timestamp{0} ? record.written_at : clock_.now();
  put_in_force(written_at + model_lead, place_of(config_, record));
  return {};
}

Expected<std::shared_ptr<const engine::Model>> ModelKeeper::read(std::string_view bytes, const std::string& name) {
  auto model = model_for(config_, known_, bytes, name);
  if (model) {
    for (const std::string& warning : warnings_of(config_, bytes, name)) spdlog::warn("{}", warning);
    return model;
  }
  refused_.fetch_add(1, std::memory_order_relaxed);
  std::string_view faults = model.error().message;
  while (!faults.empty()) {
    const std::size_t end = faults.find('\n');
    spdlog::error("model refused: {}", faults.substr(0, end));
    faults = end == std::string_view::npos ? std::string_view() : faults.substr(end + 1);
  }
  spdlog::error("model refused: {} stays in force", name_of(*wanted_.get().model));
  return model;
}

// REQUIRES: the lock is held.
void ModelKeeper::put_in_force(Timestamp from, const std::string& where) {
  const auto& wanted = of_topic_ != nullptr ? of_topic_ : of_file_;
  const auto before = wanted_.get().model;
  if (wanted->id == before->id) {
    spdlog::info("model: {} stays in force ({})", name_of(*before), where);
    return;
  }
  wanted_.set({wanted, from});
  spdlog::info("model: {} takes the place of {} from {} on ({})", name_of(*wanted), name_of(*before),
               config_.clock == TimeClock::wall ? to_rfc3339(from) : "the next step", where);
}

}  // namespace holdfast::app
