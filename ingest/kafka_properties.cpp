#include "ingest/kafka_properties.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {
namespace {

struct Reserved {
  std::string_view key;
  std::string_view reason;
};

// Each of these, set otherwise, would break a promise without a word.
constexpr std::array reserved{
    Reserved{"acks", "alerts must be on all replicas before they count as sent"},
    Reserved{"allow.auto.create.topics", "a topic made by accident has the wrong number of partitions"},
    Reserved{"auto.commit.enable", "positions are committed together with their alerts"},
    Reserved{"auto.offset.reset", "a position that the log lost must stop the program, not move it"},
    Reserved{"delivery.report.only.error", "deliveries are counted"},
    Reserved{"enable.auto.commit", "positions are committed together with their alerts"},
    Reserved{"enable.auto.offset.store", "positions are committed together with their alerts"},
    Reserved{"enable.gapless.guarantee", "deliveries are retried"},
    Reserved{"enable.idempotence", "alerts must not be doubled by a retry"},
    Reserved{"enable.partition.eof", "the end of the log decides when time may move on"},
    Reserved{"group.id", "it is the application_id"},
    Reserved{"group.instance.id", "it is made of the application_id and the instance"},
    Reserved{"group.protocol", "partitions are assigned by the classic protocol"},
    Reserved{"isolation.level", "only committed events may be read"},
    Reserved{"partition.assignment.strategy", "the same partition of all sources must come to one instance"},
    Reserved{"queuing.strategy", "records are taken in offset order"},
    Reserved{"request.required.acks", "alerts must be on all replicas before they count as sent"},
    Reserved{"transactional.id", "it is made of the application_id and the instance"},
};

/// librdkafka's table of properties, as its CONFIGURATION.md shows it.
std::string properties_table() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const file = ::open_memstream(&text, &size);
  if (file == nullptr) return {};
  rd_kafka_conf_properties_show(file);
  std::fclose(file);
  std::string table(text, size);
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): open_memstream's way.
  return table;
}

/// Names that a text can set have dots; `error_cb` and the like are for programs.
bool is_property_name(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
  });
}

}  // namespace

std::map<std::string, PropertyFault> property_faults(const std::map<std::string, std::string>& properties) {
  std::map<std::string, PropertyFault> faults;
  // One object and the order in which a client sets them: plugins bring properties of their own.
  const ConfPtr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    if (auto problem = reserved_property_problem(name)) {
      faults[name] = {PropertyFault::Why::reserved, std::move(*problem)};
      continue;
    }
    std::array<char, 512> why{};
    const auto result = rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size());
    if (result == RD_KAFKA_CONF_OK) continue;
    std::string text = why.data();
    while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
    faults[name] = result == RD_KAFKA_CONF_UNKNOWN
                       ? PropertyFault{PropertyFault::Why::unknown,
                                       fmt::format("librdkafka {} has no such property", rd_kafka_version_str())}
                       : PropertyFault{PropertyFault::Why::bad_value, std::move(text)};
  }
  return faults;
}

std::vector<std::string> property_names() {
  std::vector<std::string> names;
  std::istringstream lines(properties_table());
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (line.find('|') != std::string::npos && is_property_name(name) && !reserved_property_problem(name))
      names.push_back(name);
  }
  return names;
}

std::optional<std::string> reserved_property_problem(std::string_view name) {
  const auto found = std::find_if(reserved.begin(), reserved.end(), [&](const Reserved& r) { return r.key == name; });
  if (found == reserved.end()) return std::nullopt;
  return fmt::format("kafka property '{}' belongs to Holdfast: {}. Remove it from the configuration", name,
                     found->reason);
}

}  // namespace holdfast::ingest
