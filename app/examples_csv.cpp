#include "app/examples_csv.hpp"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>

#include <fmt/format.h>

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

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Status write_examples(const std::string& path, std::span<const learn::Example> examples,
                      const learn::Cutoffs& cutoffs) {
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "wb"));
  const auto cannot = [&] {
    return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  };
  if (!file) return cannot();
  std::string line = header();
  if (std::fwrite(line.data(), 1, line.size(), file.get()) != line.size()) return cannot();
  for (const learn::Example& example : examples) {
    line = row(example, cutoffs);
    if (std::fwrite(line.data(), 1, line.size(), file.get()) != line.size()) return cannot();
  }
  if (std::fflush(file.get()) != 0) return cannot();
  return {};
}

}  // namespace holdfast::app
