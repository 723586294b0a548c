#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/alert.hpp"
#include "domain/time.hpp"
#include "learn/bootstrap.hpp"
#include "learn/group_comparison.hpp"
#include "learn/metrics.hpp"
#include "learn/progress.hpp"

namespace holdfast::learn {

/// One customer at one cut-off: what was thought of it then, and what came of it.
struct JudgedRow {
  std::uint32_t customer = 0;  ///< A number of the customer; the same at all cut-offs.
  std::uint32_t cutoff = 0;    ///< Which one, from 0.
  double risk = 0;             ///< The model's probability of no purchase within the horizon.
  bool left = false;           ///< There was none.
  CustomerState state{};
  bool complained = false;      ///< A complaint or a return lately.
  double silence_days = 0;      ///< Since the latest purchase.
  double repeat_purchases = 0;  ///< Purchase days after the first.
  double mbg_risk = 0;          ///< What MBG/NBD alone would say.
  bool at_watch = false;        ///< Alerts are made for the customer, and the risk has reached the lowest level.
  bool treated = false;         ///< Something was done for the customer within the horizon, before it bought again.
  Arm arm{};                    ///< none: there is no control group.
};

/// An episode of alerts that began within the watched time.
struct Flag {
  std::uint32_t customer = 0;
  Timestamp raised;
  std::optional<Timestamp> next_purchase;  ///< The first one after `raised` that is known.
  double usual_gap_days = 0;               ///< Between the customer's purchases; NaN: unknown.
  Timestamp last_purchase;                 ///< The latest one up to `raised`.
};

/// A customer whom alerts may be made on and who bought nothing for a whole horizon, which ended within the watched
/// time. Once for each such silence.
struct Leaver {
  std::uint32_t customer = 0;
  Timestamp last_purchase;  ///< Where the silence began.
};

struct EvaluationInput {
  std::vector<JudgedRow> rows;  ///< Scores finite, probabilities within [0, 1].
  std::vector<Flag> flags;
  std::vector<Flag> earlier_flags;  ///< Raised before the watched time: only of use for who left within it.
  std::vector<Leaver> leavers;
  Duration horizon;
  Timestamp watched_from;   ///< Flags were raised from here
  Timestamp watched_until;  ///< to here.
  Timestamp known_until;    ///< Purchases are known up to here.
};

struct EvaluationSettings {
  BootstrapSettings bootstrap;
  ProfitSettings profit;
  /// With fewer who left, or fewer who stayed, there are no metrics: chance alone would decide them.
  std::uint64_t least_of_each = 10;
};

enum class Scorer : std::uint8_t {
  model,
  recency,    ///< Days since the latest purchase.
  frequency,  ///< Repeat purchases, fewer: rather leaves.
  mbg,        ///< MBG/NBD alone.
};
inline constexpr std::size_t scorer_count = 4;
[[nodiscard]] std::string_view name(Scorer scorer);

/// Why rows have no metrics.
enum class Shortage : std::uint8_t { none, no_rows, nobody_left, everybody_left, few_left, few_stayed };
[[nodiscard]] std::string_view name(Shortage shortage);

struct Sample {
  std::uint64_t rows = 0;
  std::uint64_t customers = 0;
  std::uint64_t left = 0;
  double mean_risk = 0;                                 ///< The model's; 0 without rows.
  std::optional<ConfidenceInterval> left_share_bounds;  ///< Wilson, 95 %; no value without rows.
  Shortage shortage = Shortage::no_rows;
  [[nodiscard]] double left_share() const {
    return rows == 0 ? 0 : static_cast<double>(left) / static_cast<double>(rows);
  }
};

struct Estimate {
  double value = 0;
  std::optional<ConfidenceInterval> interval;  ///< Bootstrap.
};
/// By Metric; none of them in a sample with a shortage.
using Estimates = std::array<std::optional<Estimate>, metric_count>;

/// The model's metric less that of the baseline which is best by this metric.
struct Difference {
  Scorer baseline{};
  double value = 0;
  std::optional<ConfidenceInterval> interval;
};

/// Whether greater values of the metric are better, lesser ones, or neither.
enum class Better : std::uint8_t { greater, lesser, neither };
[[nodiscard]] Better better(Metric metric);

/// Part of the rows.
struct Cohort {
  Sample sample;
  Estimates model;
  std::array<std::optional<double>, scorer_count> auc;  ///< By Scorer.
};

struct StateCohort : Cohort {
  CustomerState state{};
};
struct CutoffCohort : Cohort {
  std::uint32_t cutoff = 0;
};

/// If the customers with the greatest scores are contacted.
struct TargetedShare {
  double share = 0;                            ///< Of all, contacted.
  std::array<double, scorer_count> of_left{};  ///< Share of those who left that is reached, by Scorer.
  [[nodiscard]] double who_left(Scorer scorer, const Sample& sample) const {
    return of_left[static_cast<std::size_t>(scorer)] * sample.left_share() / share;
  }
};
inline constexpr std::array targeted_shares{0.05, 0.1, 0.2, 0.3, 0.5};

/// So many of so many.
struct Fraction {
  std::uint64_t count = 0;
  std::uint64_t of = 0;
  std::optional<ConfidenceInterval> interval;  ///< Wilson, 95 %; no value if `of` is 0.
  [[nodiscard]] std::optional<double> share() const {
    if (of == 0) return std::nullopt;
    return static_cast<double>(count) / static_cast<double>(of);
  }
};

struct Quartiles {
  double lower = 0;
  double median = 0;
  double upper = 0;
};

/// What staff feel of the alerts.
struct AlertJudgement {
  std::uint64_t flags = 0;
  std::uint64_t customers = 0;    ///< Flagged, at least once.
  double days = 0;                ///< Watched.
  std::uint64_t busiest_day = 0;  ///< Flags of the UTC day that had most.
  std::uint64_t undecided = 0;    ///< Flags with less than a horizon of known time behind them.
  Fraction left_of_flagged;       ///< Of the decided flags: no purchase within the horizon.
  Fraction flagged_of_left;       ///< Of the leavers: flagged within that silence, before its horizon was over.
  /// Of flagged leavers, how many days before their usual next purchase would have been overdue (last purchase plus
  /// usual gap) they were flagged; negative: after it. No value for fewer than four.
  std::optional<Quartiles> lead_days;
  Fraction before_overdue;                ///< Of those with a lead: it is positive.
  std::uint64_t gap_unknown = 0;          ///< Flagged leavers without a lead.
  std::optional<Quartiles> silence_days;  ///< Of all flags: since the latest purchase. No value for fewer than four.
  [[nodiscard]] double flags_per_day() const { return days > 0 ? static_cast<double>(flags) / days : 0; }
};

/// Two groups of rows held against each other.
struct Comparison : GroupComparison {
  enum class Groups : std::uint8_t {
    arms,     ///< The treatment arm and the control arm.
    treated,  ///< Rows with and without a treatment.
  } groups{};
  bool at_watch = false;  ///< Only rows that are.
};
[[nodiscard]] std::string_view name(Comparison::Groups groups);

inline constexpr std::size_t histogram_bins = 20;
inline constexpr std::size_t curve_points_max = 200;

/// How a model did on held-out time.
struct Evaluation {
  EvaluationSettings settings;
  Sample sample;
  std::array<Estimates, scorer_count> scorers;                      ///< By Scorer.
  std::array<std::optional<Difference>, metric_count> differences;  ///< By Metric.
  std::array<std::vector<CutPoint>, scorer_count> curves;           ///< By Scorer; empty with a shortage.
  std::vector<TargetedShare> targets;                               ///< For targeted_shares; empty with a shortage.
  std::vector<ReliabilityBin> reliability;                          ///< Of the model; empty without rows.
  std::optional<double> ece_by_chance;                              ///< No value with a shortage.
  std::vector<double> histogram;      ///< Of the model's risks, over [0, 1]; empty without rows.
  std::vector<StateCohort> states;    ///< In the order of CustomerState, those with rows.
  Cohort after_complaint;             ///< Rows of all states, with `complained`.
  std::vector<CutoffCohort> cutoffs;  ///< Those with rows, ascending.
  AlertJudgement alerts;
  std::vector<Comparison> comparisons;  ///< Arms where there are some, then treated rows where there are some.
  std::uint64_t treated_control = 0;    ///< Rows of the control arm with a treatment.
};

/// A function of the sets of rows, flags and leavers and of the seed: their order does not matter.
[[nodiscard]] Evaluation evaluate(const EvaluationInput& input, const EvaluationSettings& settings,
                                  const Progress& progress = no_progress);

}  // namespace holdfast::learn
