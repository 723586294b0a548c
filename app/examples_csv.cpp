#include "app/examples_csv.hpp"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "app/output_file.hpp"

namespace holdfast::app {
namespace {

bool is_column(Feature feature) { return feature != Feature::mbg_logit && feature != Feature::purchase_history; }

std::string header() {
  std::string line = "cutoff,customer,left,x,t_x_days,T_days";
  for (std::size_t f = 0; f < features; ++f) {
    if (is_column(static_cast<Feature>(f)))
      fmt::format_to(std::back_inserter(line), ",{}", name(static_cast<Feature>(f)));
  }
  return line + "\n";
}

std::string row(const learn::Example& example, const learn::Cutoffs& cutoffs) {
  std::string line =
      fmt::format("{},{:016x},{},{},{:.9g},{:.9g}", to_rfc3339(cutoffs.at[example.cutoff]), example.customer,
                  example.left ? 1 : 0, example.repeats, example.first_to_last_days, example.age_days);
  for (std::size_t f = 0; f < features; ++f) {
    if (!is_column(static_cast<Feature>(f))) continue;
    line += ',';
    if (!std::isnan(example.values[f])) fmt::format_to(std::back_inserter(line), "{}", example.values[f]);
  }
  return line + "\n";
}

}  // namespace

Status write_examples(const std::string& path, std::span<const learn::Example> examples,
                      const learn::Cutoffs& cutoffs) {
  auto file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (const Status written = file->write(header()); !written) return written;
  for (const learn::Example& example : examples) {
    if (const Status written = file->write(row(example, cutoffs)); !written) return written;
  }
  return file->keep();
}

}  // namespace holdfast::app
