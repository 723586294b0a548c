#include "app/examples_csv.hpp"

#include <cmath>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "app/output_file.hpp"

namespace holdfast::app {
namespace {

bool is_column(Feature feature) { return feature != Feature::mbg_logit && feature != Feature::purchase_history; }

/// Names of actions come from outside.
std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string header(const ExamplesCsv& with) {
  std::string line = "cutoff,customer,left,x,t_x_days,T_days";
  for (std::size_t f = 0; f < features; ++f) {
    if (is_column(static_cast<Feature>(f)))
      fmt::format_to(std::back_inserter(line), ",{}", name(static_cast<Feature>(f)));
  }
  line += ",treatment,treatment_days,days_since_action";
  if (with.with_arms) line += ",arm";
  if (with.with_risk) line += ",risk";
  return line + "\n";
}

std::string row(const learn::Example& example, const ExamplesCsv& with) {
  std::string line =
      fmt::format("{},{:016x},{},{},{:.9g},{:.9g}", to_rfc3339(with.cutoffs.at[example.cutoff]), example.customer,
                  example.left ? 1 : 0, example.repeats, example.first_to_last_days, example.age_days);
  const auto add = [&line](float value) {
    line += ',';
    if (!std::isnan(value)) fmt::format_to(std::back_inserter(line), "{}", value);
  };
  for (std::size_t f = 0; f < features; ++f) {
    if (is_column(static_cast<Feature>(f))) add(example.values[f]);
  }
  line += ',' + quoted(with.actions.name_of(example.treatment));
  add(example.treatment_days);
  add(example.days_since_action);
  if (with.with_arms) fmt::format_to(std::back_inserter(line), ",{}", name(example.arm));
  if (with.with_risk) fmt::format_to(std::back_inserter(line), ",{}", example.risk);
  return line + "\n";
}

}  // namespace

Status write_examples(const std::string& path, std::span<const learn::Example> examples, const ExamplesCsv& with) {
  auto file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (const Status written = file->write(header(with)); !written) return written;
  for (const learn::Example& example : examples) {
    if (const Status written = file->write(row(example, with)); !written) return written;
  }
  return file->keep();
}

}  // namespace holdfast::app
