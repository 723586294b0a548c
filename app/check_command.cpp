#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "app/units.hpp"
#include "domain/alert.hpp"
#include "ingest/kafka_admin.hpp"

namespace holdfast::app {
namespace {

// Enough to notice a wrong partitioner: with two partitions a sample would pass by chance with probability 2^-1000.
constexpr std::size_t sampled_records = 1000;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

int report_faults(const CheckOptions& options, const Error& error) {
  if (!options.json) return report(error);
  fmt::print("{}\n", nlohmann::ordered_json{{"ok", false}, {"faults", lines_of(error.message)}}.dump(2));
  return error.kind == ErrorKind::invalid_argument ? 2 : 1;
}

/// What a model weighs besides the MBG/NBD part.
std::string weights_text(const engine::Model& model) {
  if (!model.logistic) return "mbg alone";
  std::string out;
  for (const auto& term : model.logistic->terms)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", name(term.feature));
  return "logistic over " + out;
}

std::string trained_with_text(const engine::Model& model) {
  std::string out;
  for (std::size_t i = 0; i < engine::evidence_kinds; ++i) {
    const auto evidence = static_cast<engine::Evidence>(i);
    if (has(model.trained_with, evidence)) out += fmt::format("{}{}", out.empty() ? "" : ", ", name(evidence));
  }
  return out;
}

std::string value_text(const engine::Model& model) {
  const std::string value = model.gamma_gamma ? ", with value" : "";
  if (!model.currency || model.currency->empty()) return value;
  return fmt::format("{}, amounts in {}", value, model.currency->text());
}

std::string summary_text(const Config& config) {
  std::vector<std::vector<std::string>> rows;
  rows.push_back(
      {"model", fmt::format("{} ({}), horizon {}, {}{}", config.model.name, config.model.id,
                            to_text(config.model.horizon), weights_text(config.model), value_text(config.model))});
  if (config.model.trained_with.any()) rows.push_back({"trained with", trained_with_text(config.model)});
  rows.push_back({"policy", fmt::format("{:016x}", config.policy_id().value)});
  rows.push_back({"journal", config.journal_topic});
  rows.push_back({"changelog", config.state.changelog ? config.changelog_topic : "off"});
  return text_table(rows);
}

std::string settings_text(const Config& config) {
  std::vector<std::vector<std::string>> rows;
  for (const EffectiveSetting& setting : config.effective) rows.push_back({setting.key, setting.value, setting.origin});
  return text_table(rows);
}

nlohmann::ordered_json facts_json(const Config& config, const std::vector<ingest::Finding>& findings, bool ok) {
  nlohmann::ordered_json out{{"ok", ok}};
  out["model"] = {{"name", config.model.name},
                  {"id", config.model.id},
                  {"horizon_days", config.model.horizon.days()},
                  {"has_logistic", config.model.logistic.has_value()},
                  {"has_value", config.model.gamma_gamma.has_value()}};
  if (config.model.currency) out["model"]["currency"] = config.model.currency->text();
  out["policy"] = fmt::format("{:016x}", config.policy_id().value);
  out["journal"] = config.journal_topic;
  if (config.state.changelog) out["changelog"] = config.changelog_topic;
  auto& settings = out["settings"] = nlohmann::ordered_json::array();
  for (const EffectiveSetting& setting : config.effective) {
    settings.push_back({{"key", setting.key}, {"value", setting.value}, {"origin", setting.origin}});
  }
  out["warnings"] = config.warnings;
  auto& found = out["findings"] = nlohmann::ordered_json::array();
  for (const ingest::Finding& finding : findings) {
    nlohmann::ordered_json is_ok;  // null: not known.
    if (finding.verdict != ingest::Finding::Verdict::open) is_ok = finding.verdict == ingest::Finding::Verdict::ok;
    found.push_back({{"ok", std::move(is_ok)}, {"what", finding.what}});
  }
  return out;
}

const char* mark(ingest::Finding::Verdict verdict) {
  switch (verdict) {
    case ingest::Finding::Verdict::ok: return "ok   ";
    case ingest::Finding::Verdict::fault: return "FAULT";
    case ingest::Finding::Verdict::open: return "?    ";
  }
  return "?    ";
}

}  // namespace

int check_command(const CheckOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report_faults(options, config.error());
  start_logging(config->log);
  if (const Status token = check_token_file(*config); !token) return report_faults(options, token.error());

  std::vector<ingest::Finding> findings;
  if (options.connect) {
    auto admin = ingest::make_kafka_admin(kafka_settings_of(*config));
    if (!admin) return report_faults(options, admin.error());
    findings = (*admin)->check(config->sources, config->partitioner, sampled_records);
  }
  const bool ok = std::ranges::none_of(
      findings, [](const ingest::Finding& f) { return f.verdict == ingest::Finding::Verdict::fault; });

  if (options.json) {
    fmt::print("{}\n", facts_json(*config, findings, ok).dump(2));
  } else {
    fmt::print("{}\n{}", settings_text(*config), summary_text(*config));
    for (const std::string& warning : config->warnings) fmt::print("{}: warning: {}\n", options.config, warning);
    for (const ingest::Finding& finding : findings) fmt::print("{}  {}\n", mark(finding.verdict), finding.what);
    if (ok) fmt::print("{}: no faults\n", options.config);
  }
  return ok ? 0 : 1;
}

}  // namespace holdfast::app
