// How much the small model gives away: boosted trees that learn from the very rows that `holdfast train --examples`
// wrote, judged beside the model on those that `holdfast evaluate --examples` wrote.

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/model_file.hpp"
#include "app/text_table.hpp"
#include "bench/boosted_trees.hpp"
#include "engine/score.hpp"
#include "ingest/csv.hpp"
#include "learn/bootstrap.hpp"
#include "learn/metrics.hpp"
#include "learn/score_fit.hpp"

namespace holdfast::bench {
namespace {

using learn::Metric;

constexpr std::array metrics{Metric::auc, Metric::brier, Metric::log_loss, Metric::ece};

/// A file of examples.
struct Examples {
  TreeRows rows;
  std::vector<std::string> columns;  ///< Of `rows`.
  std::vector<std::uint64_t> customers;
  std::vector<double> mbg_risk;  ///< Under MBG/NBD alone.
  std::vector<double> risk;      ///< The model's; empty if the file has none.
  std::size_t cutoffs = 0;
};

/// Rows of a CSV file with a header: cells by the names of their columns.
class Rows {
 public:
  explicit Rows(std::string path) : path_(std::move(path)), file_(path_, std::ios::binary) {
    if (!next()) throw std::runtime_error(path_ + ": cannot be read, or is empty");
    names_ = std::move(cells_);
    for (std::size_t i = 0; i < names_.size(); ++i) places_.emplace(names_[i], i);
  }
  /// Goes on to the next row, which may have several lines: names of actions come from outside. False: there is none.
  bool next() {
    std::string record;
    if (!read_line(record)) return false;
    line_ = lines_;
    ingest::CsvQuotes quotes;
    quotes.read(record);
    for (std::string more; quotes.open() && read_line(more);) {
      record.append(1, '\n').append(more);
      quotes.read(more);
    }
    auto cells = ingest::split_csv(record);
    if (!cells) fail("is no CSV: a quote is not closed, or is followed by more text");
    if (!names_.empty() && cells->size() != names_.size())
      fail(fmt::format("has {} cells, and the header {}", cells->size(), names_.size()));
    cells_ = std::move(*cells);
    return true;
  }
  [[nodiscard]] bool has(const std::string& column) const { return places_.contains(column); }
  [[nodiscard]] const std::string& text(const std::string& column) const {
    const auto place = places_.find(column);
    if (place == places_.end())
      throw std::runtime_error(fmt::format("{}: no column {}: it is not what --examples writes", path_, column));
    return cells_[place->second];
  }
  [[nodiscard]] double number(const std::string& column) const { return parsed<double>(column); }
  /// NaN: the cell is empty.
  [[nodiscard]] double number_if_any(const std::string& column) const {
    return text(column).empty() ? std::numeric_limits<double>::quiet_NaN() : number(column);
  }
  [[nodiscard]] std::uint64_t hash(const std::string& column) const { return parsed<std::uint64_t>(column, 16); }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(fmt::format("{}:{}: the row {}", path_, line_, what));
  }
  bool read_line(std::string& line) {
    if (!std::getline(file_, line)) return false;
    ++lines_;
    return true;
  }
  template <class Number, class... Base>
  [[nodiscard]] Number parsed(const std::string& column, Base... base) const {
    const std::string& cell = text(column);
    Number number{};
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number, base...);
    if (error != std::errc{} || end != cell.data() + cell.size())
      fail(fmt::format("has \"{}\" in column {}, which is no number", cell, column));
    return number;
  }

  std::string path_;
  std::ifstream file_;
  std::size_t lines_ = 0;  ///< Read so far.
  std::size_t line_ = 0;   ///< Where the row begins.
  std::vector<std::string> names_;
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> cells_;
};

/// Each cut-off counts alike, as in `holdfast train`; a row counts 1 on average.
std::vector<float> weights_of(const std::vector<std::string>& cutoffs) {
  std::map<std::string, double> rows;
  for (const std::string& cutoff : cutoffs) ++rows[cutoff];
  std::vector<float> weights;
  for (const std::string& cutoff : cutoffs)
    weights.push_back(
        static_cast<float>(static_cast<double>(cutoffs.size()) / (static_cast<double>(rows.size()) * rows.at(cutoff))));
  return weights;
}

Examples read_examples(const std::string& path, const engine::Model& model) {
  Rows rows(path);
  Examples examples;
  for (std::size_t f = 0; f < features; ++f) {
    const std::string column(name(static_cast<Feature>(f)));
    if (rows.has(column)) examples.columns.push_back(column);
  }
  examples.rows.columns = examples.columns.size() + 1;
  std::vector<std::string> cutoffs;
  while (rows.next()) {
    for (const std::string& column : examples.columns)
      examples.rows.values.push_back(static_cast<float>(rows.number_if_any(column)));
    learn::Example example{};
    example.repeats = static_cast<std::uint32_t>(rows.number("x"));
    example.first_to_last_days = rows.number("t_x_days");
    example.age_days = rows.number("T_days");
    const double logit = learn::mbg_logit_of(example, model, model.horizon);
    examples.rows.values.push_back(static_cast<float>(logit));
    examples.rows.left.push_back(static_cast<float>(rows.number("left")));
    examples.mbg_risk.push_back(engine::sigmoid(logit));
    examples.customers.push_back(rows.hash("customer"));
    cutoffs.push_back(rows.text("cutoff"));
    if (rows.has("risk")) examples.risk.push_back(rows.number("risk"));
  }
  examples.columns.emplace_back("mbg_logit");
  examples.rows.weight = weights_of(cutoffs);
  examples.cutoffs = std::set<std::string>(cutoffs.begin(), cutoffs.end()).size();
  if (examples.customers.empty()) throw std::runtime_error(path + ": no examples");
  return examples;
}

/// Small numbers for customers.
std::vector<std::uint32_t> numbers_of(const std::vector<std::uint64_t>& customers) {
  std::map<std::uint64_t, std::uint32_t> numbers;
  for (const std::uint64_t customer : customers) numbers.emplace(customer, 0);
  std::uint32_t next = 0;
  for (auto& [customer, number] : numbers) number = next++;
  std::vector<std::uint32_t> out;
  for (const std::uint64_t customer : customers) out.push_back(numbers.at(customer));
  return out;
}

std::string figure(Metric metric, double value, bool with_sign = false) {
  const int digits = metric == Metric::auc ? 3 : 4;
  return with_sign ? fmt::format("{:+.{}f}", value, digits) : fmt::format("{:.{}f}", value, digits);
}

std::string with_interval(Metric metric, double value, const std::optional<learn::ConfidenceInterval>& interval,
                          bool with_sign = false) {
  std::string out = figure(metric, value, with_sign);
  if (interval)
    out +=
        fmt::format(" [{}, {}]", figure(metric, interval->low, with_sign), figure(metric, interval->high, with_sign));
  return out;
}

void print_table(const Examples& judged, const std::vector<double>& trees, std::uint64_t seed) {
  std::vector<std::uint8_t> left;
  for (const float one : judged.rows.left) left.push_back(one > 0 ? 1 : 0);
  std::vector<learn::Ranking> rankings;
  for (const auto* const scores : {&judged.risk, &trees, &judged.mbg_risk})
    rankings.emplace_back(*scores, left, learn::Scale::probability);
  const learn::Bootstrap bootstrap(rankings, numbers_of(judged.customers), {.replicates = 1'000, .seed = seed}, {});
  std::vector<learn::MetricValues> values;
  for (const learn::Ranking& ranking : rankings) values.push_back(measure(ranking, ranking.tally(), {}));

  std::vector<std::vector<std::string>> table{{"", "model", "boosted trees", "trees less model", "MBG/NBD alone"}};
  for (const Metric metric : metrics) {
    const auto value = [&](std::size_t scorer) { return values[scorer][static_cast<std::size_t>(metric)].value(); };
    table.push_back({std::string(name(metric)), with_interval(metric, value(0), bootstrap.interval(0, metric)),
                     with_interval(metric, value(1), bootstrap.interval(1, metric)),
                     with_interval(metric, value(1) - value(0), bootstrap.interval_of_difference(1, 0, metric), true),
                     figure(metric, value(2))});
  }
  fmt::print("\n{}", app::text_table(table));
}

void run(const std::string& model_path, const std::string& learnt_path, const std::string& judged_path,
         std::uint64_t seed) {
  const auto model = app::read_model(model_path);
  if (!model) throw std::runtime_error(model.error().message);
  const Examples learnt = read_examples(learnt_path, *model);
  const Examples judged = read_examples(judged_path, *model);
  if (learnt.columns != judged.columns) throw std::runtime_error("the files have not the same columns of features");
  if (judged.risk.empty())
    throw std::runtime_error(judged_path + ": no column risk: take what `holdfast evaluate --examples` writes");

  const TreeChoice choice = choose_trees(learnt.rows, learnt.customers);
  const BoostedTrees trees(learnt.rows, choice.settings);
  fmt::print("learnt from   {} rows at {} cut-offs, {} features\n", learnt.rows.rows(), learnt.cutoffs,
             learnt.columns.size());
  fmt::print("judged        {} rows at {} cut-offs\n", judged.rows.rows(), judged.cutoffs);
  fmt::print(
      "trees         XGBoost {}: {} of depth {}, leaves of {} at least, the best of {} settings on other "
      "customers (log loss {:.4f})\n",
      BoostedTrees::version(), choice.settings.rounds, choice.settings.depth, choice.settings.least_child, choice.tried,
      choice.log_loss);
  print_table(judged, trees.predict(judged.rows, choice.settings.rounds), seed);
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  CLI::App app("Boosted trees beside a model of Holdfast, on the same rows");
  std::string model;
  std::string learnt;
  std::string judged;
  std::uint64_t seed = 1;
  app.add_option("--model", model, "The model file that `holdfast train` wrote")->required();
  app.add_option("--learnt", learnt, "What it wrote with --examples")->required();
  app.add_option("--judged", judged, "What `holdfast evaluate` wrote with --examples")->required();
  app.add_option("--seed", seed, "Of the bootstrap; default 1");
  CLI11_PARSE(app, argc, argv);
  try {
    holdfast::bench::run(model, learnt, judged, seed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "yardstick: {}\n", error.what());
    return 1;
  }
  return 0;
}
