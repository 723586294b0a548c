#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/customer_view.hpp"
#include "app/known_models.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "engine/calibration.hpp"
#include "engine/customer.hpp"
#include "engine/generations.hpp"
#include "state/checkpoint_store.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::ordered_json;

/// A customer as the latest checkpoint of its partition has it.
struct Found {
  engine::Customer customer{};
  Marker marker;
};

Expected<std::optional<Found>> find_in(const state::RocksStore& store, Partition partition, const std::string& id) {
  const auto record = store.find(partition, id);
  if (!record) return std::unexpected(record.error());
  if (!*record) return std::optional<Found>();
  const auto marker = store.marker(partition);
  if (!marker) return std::unexpected(marker.error());
  Found found;
  if (!*marker || (*marker)->record_format != engine::customer_format) {
    return fail(
        ErrorKind::incompatible,
        fmt::format("partition {}: the state was written by another release of Holdfast; inspect it with that one",
                    partition.value));
  }
  if (!engine::is_customer_record(**record)) {
    return fail(ErrorKind::corrupt,
                fmt::format("partition {}: the customer's record is damaged; a service that starts with this state "
                            "rebuilds it from the log",
                            partition.value));
  }
  found.marker = **marker;
  std::memcpy(&found.customer, (*record)->data(), sizeof(found.customer));
  return std::optional(found);
}

Expected<std::optional<Found>> find_customer(const state::RocksStore& store, const std::string& id) {
  for (const Partition partition : store.partitions()) {
    auto found = find_in(store, partition, id);
    if (!found || *found) return found;
  }
  return std::optional<Found>();
}

std::string scalar_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// The description as lines for people; what is nested stands behind the name of its group.
std::string description_text(const Json& description) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::vector<std::string>> reasons;
  for (const auto& item : description.items()) {
    if (item.key() == "reasons") {
      for (const Json& reason : item.value()) {
        reasons.push_back(
            {"  " + scalar_text(reason["feature"]), fmt::format("{:+.4f}", reason["contribution"].get<double>()),
             "value " + reason["value"].dump(), reason.contains("typical") ? "typical " + reason["typical"].dump() : "",
             reason.contains("alike") ? "alike " + reason["alike"].dump() : ""});
      }
    } else if (item.value().is_object()) {
      for (const auto& inner : item.value().items()) {
        rows.push_back({item.key() + "." + inner.key(), scalar_text(inner.value())});
      }
    } else {
      rows.push_back({item.key(), scalar_text(item.value())});
    }
  }
  if (reasons.empty()) return text_table(rows);
  return text_table(rows) + "reasons (log-odds; with the base they add up to the score)\n" + text_table(reasons);
}

Expected<std::string> describe(const InspectOptions& options, const Config& config, const Found& found) {
  const engine::Customer& customer = found.customer;
  if (options.at && *options.at < customer.moment()) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("--at {}: the customer was last looked at at {}, and what was known before is not kept",
                            to_rfc3339(*options.at), to_rfc3339(customer.moment())));
  }
  const Timestamp at = options.at.value_or(std::max(found.marker.stream_time, customer.moment()));
  KnownModels known(config.sources);
  engine::Generations models(std::make_shared<const engine::Model>(config.model), config.policy.horizon);
  for (const ModelGeneration& generation : found.marker.models) {
    if (const auto model = known.read(generation.model); !model)
      return fail(ErrorKind::incompatible,
                  "the checkpoint was made under a model that this release cannot read: " + model.error().message);
  }
  if (!found.marker.models.empty())
    models.restore(found.marker.models, known, engine::goes_on_correcting(config.policy, found.marker.calibration));
  const engine::Model& model = *models.at(make_customer_key(options.customer).hash, at).model;
  Json description = describe_customer(options.customer, customer, found.marker.partition, model, config.policy, at);
  description["checkpoint"] = {{"taken_at", to_rfc3339(found.marker.taken_at)},
                               {"stream_time", to_rfc3339(found.marker.stream_time)},
                               {"step", found.marker.step}};
  return options.json ? description.dump(2) + "\n" : description_text(description);
}

}  // namespace

int inspect_command(const InspectOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  const auto store = state::RocksStore::open({.directory = config->state.directory,
                                              .application_id = config->application_id,
                                              .env = nullptr,
                                              .read_only = true});
  if (!store) return report(store.error());
  const auto found = find_customer(**store, options.customer);
  if (!found) return report(found.error());
  if (!*found) {
    return report({ErrorKind::failed, fmt::format("{}: no checkpoint in {} knows this customer; a running service may "
                                                  "already: ask /api/v1/customers/",
                                                  options.customer, config->state.directory)});
  }
  const PolicyId policy = (*found)->marker.policy;
  if (policy != config->policy_id() && policy != config->former_policy_id())
    fmt::print(stderr, "warning: the checkpoint was written under another policy; the risk below is this one's\n");
  const auto text = describe(options, *config, **found);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace holdfast::app
