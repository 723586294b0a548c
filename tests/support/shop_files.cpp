#include "tests/support/shop_files.hpp"

#include <array>
#include <cstddef>
#include <set>
#include <sstream>
#include <stdexcept>

namespace holdfast::testing {
namespace {

using Json = nlohmann::json;

constexpr std::array<const char*, 4> sources{"purchases", "complaints", "visits", "actions"};

std::string file_of(const std::string& source) { return "data/" + source + ".ndjson"; }

}  // namespace

ShopFiles::ShopFiles(int events, int customers, int seed) {
  write_file(path("shop.yaml"),
             "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
             "  complaints: {topic: complaints, kind: complaint}\n  visits: {topic: visits, kind: visit}\n"
             "  actions: {topic: actions, kind: action}\nrisk: {model: model.json}\n");
  write_file(path("model.json"),
             R"({"name":"m","time_unit":"7d","horizon":"60d","mbg":{"r":0.9,"alpha":6.0,"a":0.9,"b":8}})");
  const Finished made =
      run_holdfast({"generate", "-c", path("shop.yaml"), "--events", std::to_string(events), "--customers",
                    std::to_string(customers), "--seed", std::to_string(seed), "--out", path("data")});
  if (made.status != 0) throw std::runtime_error("no shop was made up: " + made.err);
  write_file(path(file_of("actions")), "");
}

Finished ShopFiles::run(const std::string& command, const std::vector<std::string>& flags) const {
  std::vector<std::string> arguments{command, "-c", path("shop.yaml")};
  for (const std::string source : sources) {
    arguments.emplace_back("--source");
    arguments.push_back(source + "=" + path(file_of(source)));
  }
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return run_holdfast(arguments);
}

std::string ShopFiles::last_purchase() const {
  const std::string lines = read_file(path(file_of("purchases")));
  const std::size_t last = lines.rfind('\n', lines.size() - 2);
  return Json::parse(lines.substr(last == std::string::npos ? 0 : last + 1))["time"].get<std::string>();
}

void ShopFiles::keep(const std::function<bool(Json& event)>& kept) const {
  for (const std::string source : sources) {
    std::string content;
    std::istringstream lines(read_file(path(file_of(source))));
    for (std::string line; std::getline(lines, line);) {
      Json event = Json::parse(line);
      if (kept(event)) content += event.dump() + "\n";
    }
    write_file(path(file_of(source)), content);
  }
}

void ShopFiles::erase(const std::string& customer, const std::string& time) const {
  const std::string file = path(file_of("actions"));
  const Json erasure{{"customer_id", customer}, {"time", time}, {"action", "erase"}};
  write_file(file, read_file(file) + erasure.dump() + "\n");
}

std::map<std::string, std::string> erase_some(const ShopFiles& shop) {
  std::set<std::string> customers;
  shop.keep([&](const Json& event) {
    customers.insert(event["customer_id"].get<std::string>());
    return true;
  });
  std::map<std::string, std::string> erased_at;
  for (const char* time : {"2025-04-10T12:00:00.000Z", "2025-08-20T12:00:00.000Z", "2025-12-20T12:00:00.000Z"}) {
    std::size_t i = 0;
    for (const std::string& customer : customers) {
      if (++i % 10 != 0 || erased_at.contains(customer)) continue;
      erased_at[customer] = time;
    }
    for (const auto& [customer, at] : erased_at) {
      customers.erase(customer);
      if (at == time) shop.erase(customer, at);
    }
  }
  return erased_at;
}

bool is_erased(const Json& event, const std::map<std::string, std::string>& erased_at) {
  const auto found = erased_at.find(event["customer_id"].get<std::string>());
  return found != erased_at.end() && event["time"].get<std::string>() <= found->second;
}

}  // namespace holdfast::testing
