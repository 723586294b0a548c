#include "tests/support/generated_shop.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

constexpr std::string_view model_json =
    R"({"name":"test-mbg","time_unit":"7d","horizon":"91d",
        "mbg":{"r":0.8,"alpha":4.0,"a":0.9,"b":2.5},
        "gamma_gamma":{"p":6.25,"q":3.74,"v":15.44},
        "logistic":{"intercept":0.1,"weights":{"mbg_logit":1.0,"visits_30d":-0.05,"complaints_opened_60d":0.2}}})";

std::string config_yaml(const std::string& bootstrap, const std::filesystem::path& folder, const std::string& more) {
  return "application_id: shop\n"
         "instance_id: one\n"
         "kafka: {bootstrap.servers: \"" +
         bootstrap +
         "\"}\n"
         "commit_interval: 50ms\n"
         "time: {clock: event}\n"
         "sources:\n"
         "  purchases: {topic: purchases, kind: purchase}\n"
         "  complaints: {topic: complaints, kind: complaint}\n"
         "  visits: {topic: visits, kind: visit}\n"
         "risk: {model: model.json, levels: {watch: 0.5, high: 0.7, critical: 0.85}, expire_after: 120d}\n"
         "http: {listen: \"127.0.0.1:0\"}\n"
         "state: {directory: " +
         (folder / "state").string() + ", checkpoint_interval: 200ms}\n" + more;
}

void require(const std::vector<std::string>& arguments) {
  const Finished done = run_holdfast(arguments);
  if (done.status != 0) throw std::runtime_error(arguments[0] + " failed: " + done.err + done.out);
}

void generate(const GeneratedShop& shop, const std::string& config, const std::vector<std::string>& where) {
  std::vector<std::string> arguments{
      "generate", "-c", config, "--events", std::to_string(shop.events), "--customers", std::to_string(shop.customers),
      "--seed",   "7"};
  arguments.insert(arguments.end(), where.begin(), where.end());
  require(arguments);
}

}  // namespace

const std::vector<std::string>& shop_sources() {
  static const std::vector<std::string> names{"purchases", "complaints", "visits"};
  return names;
}

std::string write_shop(const std::filesystem::path& folder, const std::string& bootstrap, const std::string& more) {
  std::string config = (folder / "shop.yaml").string();
  write_file(folder / "model.json", std::string(model_json));
  write_file(config, config_yaml(bootstrap, folder, more));
  return config;
}

void fill_topics(const GeneratedShop& shop, const std::string& config, int replication,
                 std::vector<std::string> flags) {
  require({"topics", "-c", config, "--create", "--partitions", std::to_string(GeneratedShop::partitions),
           "--replication", std::to_string(replication)});
  flags.emplace_back("--kafka");
  generate(shop, config, flags);
}

AlertsByCustomer replayed(const GeneratedShop& shop) {
  const TemporaryFolder folder;
  const std::string config = write_shop(folder.path(), "127.0.0.1:1");
  generate(shop, config, {"--out", folder.path().string()});
  const std::filesystem::path alerts = folder.path() / "alerts.ndjson";
  std::vector<std::string> arguments{
      "replay", "-c", config, "--partitions", std::to_string(GeneratedShop::partitions), "--alerts", alerts.string()};
  for (const auto& source : shop_sources()) {
    arguments.emplace_back("--source");
    arguments.push_back(source + "=" + (folder.path() / (source + ".ndjson")).string());
  }
  require(arguments);
  AlertsByCustomer out;
  std::ifstream in(alerts);
  for (std::string line; std::getline(in, line);) {
    const std::string id = nlohmann::json::parse(line).at("customer_id");
    out[id].push_back(line);
  }
  return out;
}

AlertsByCustomer by_customer(const std::vector<ConsumedRecord>& alerts) {
  AlertsByCustomer out;
  for (const ConsumedRecord& record : alerts) out[record.key.value()].push_back(record.value.value());
  return out;
}

std::size_t count(const AlertsByCustomer& alerts) {
  std::size_t sum = 0;
  for (const auto& [customer, list] : alerts) sum += list.size();
  return sum;
}

std::string difference(const AlertsByCustomer& expected, const AlertsByCustomer& got) {
  for (const auto& [customer, alerts] : expected) {
    const auto it = got.find(customer);
    if (it == got.end()) return "no alert of " + customer;
    for (std::size_t i = 0; i < std::max(alerts.size(), it->second.size()); ++i) {
      if (i >= it->second.size()) return fmt::format("of {} alert {} is missing: {}", customer, i + 1, alerts[i]);
      const std::string& alert = it->second[i];
      if (i >= alerts.size()) return fmt::format("of {} there is one alert more: {}", customer, alert);
      if (alert != alerts[i])
        return fmt::format("alert {} of {} is\n{}\ninstead of\n{}", i + 1, customer, alert, alerts[i]);
      if (nlohmann::json::parse(alert).at("seq").get<std::uint64_t>() != i + 1)
        return fmt::format("alert {} of {} has another seq: {}", i + 1, customer, alert);
    }
  }
  for (const auto& [customer, alerts] : got) {
    if (!expected.contains(customer)) return "nobody should be alerted on " + customer + ": " + alerts.front();
  }
  return "";
}

}  // namespace holdfast::testing
