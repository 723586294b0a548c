#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "app/erasures.hpp"
#include "app/replay.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"
#include "engine/evidence.hpp"
#include "learn/examples.hpp"

/// A company's own history, as models are trained on and judged by.
namespace holdfast::app {

/// Names of what was done for customers, as numbers from 1 on that do not depend on the order in which they came.
/// Bounded: beyond 250 names those that are last in the alphabet are one.
class ActionNames {
 public:
  void add(std::string_view name);
  /// REQUIRES: it was added, and all others were.
  [[nodiscard]] std::uint8_t number_of(std::string_view name) const;
  /// Of a number; "other" for those that were too many, "" for 0.
  [[nodiscard]] std::string_view name_of(std::uint8_t number) const;
  [[nodiscard]] bool empty() const { return names_.empty(); }

 private:
  std::vector<std::string> names_;  ///< In order.
};

/// What kinds of events a history has, and when they happened.
struct HistorySpan {
  std::array<std::uint64_t, 4> events{};  ///< By EventKind.
  std::uint64_t with_amount = 0;          ///< Purchases.
  std::uint64_t rejected = 0;             ///< Records that are no events.
  std::uint64_t misplaced = 0;            ///< Events in another partition than that of their key.
  Timestamp first = after_all_time;       ///< The least of all event times.
  Timestamp last = before_all_time;       ///< The greatest.
  Timestamp last_purchase = before_all_time;
  Erasures erasures{};
  ActionNames actions{};  ///< Erasures are none.

  [[nodiscard]] std::uint64_t total() const { return events[0] + events[1] + events[2] + events[3]; }
};

/// What models can be made of, as far as the history has it: a kind of which there is no event is absent, not 0.
[[nodiscard]] engine::EvidenceSet evidence_in(const HistorySpan& span);

/// What of a history a replay applied: all that happened until `until`.
[[nodiscard]] HistorySpan used_of(const HistorySpan& span, std::span<const ingest::SourceFormat> sources,
                                  const ReplaySummary& replayed, Timestamp until);

/// What is wrong with the history as a whole, a line each, which says what to do.
[[nodiscard]] std::vector<std::string> warnings_of(const HistorySpan& span);

/// Until when a history tells who bought: what was asked for, or the last purchase. invalid_argument: there is no
/// purchase, or what was asked for lies so far behind the last one that silence may only be a lack of data.
[[nodiscard]] Expected<Timestamp> known_until(const HistorySpan& span, std::optional<Timestamp> until,
                                              Duration horizon);

/// Cut-offs every `step` from `from` on whose outcomes are known at `until`; no more than a thousand of them.
/// invalid_argument: there would be more.
[[nodiscard]] Expected<learn::Cutoffs> bounded_cutoffs(Timestamp from, Timestamp until, Duration horizon,
                                                       Duration step);

/// Told now and then, for people who wait: what is being done, and events so far.
using HistoryProgress = std::function<void(std::string_view doing, std::uint64_t events, Timestamp stream_time)>;

/// Reads files, or the source topics from their beginning to where they end now. Can be read several times.
class History {
 public:
  /// `sources`: NAME and PATH of files; empty: the topics. invalid_argument: there is no such source, it is named
  /// standard input, or the topics do not fit together.
  [[nodiscard]] static Expected<History> open(const Config& config,
                                              std::span<const std::pair<std::string, std::string>> sources);

  /// What there is. invalid_argument: a log is not in order of time. `visit`, if not null, is called for each event and
  /// each record that is none, partition by partition.
  [[nodiscard]] Expected<HistorySpan> span(const HistoryProgress& progress,
                                           const std::function<void(const Event&)>& visit = nullptr) const;

  /// Goes through the history with the engine of `run` until the last of `moments`, and has `observer` look at the
  /// customers at each of them. REQUIRES: there is one.
  [[nodiscard]] Expected<ReplaySummary> replay(const engine::Model& model, const engine::RiskPolicy& policy,
                                               std::vector<Timestamp> moments, ReplayObserver& observer,
                                               const HistoryProgress& progress) const;

  /// Tasks that a replay has; collectors are one each.
  [[nodiscard]] std::int32_t partitions() const { return partitions_; }

 private:
  explicit History(const Config& config) : config_(&config) {}
  [[nodiscard]] Expected<std::vector<RecordFeed>> feeds() const;

  const Config* config_;
  std::vector<std::vector<std::string>> paths_;  ///< By source; empty: the topics are read.
  std::int32_t partitions_ = 1;
};

/// The risk that examples carry.
enum class ExampleRisk : std::uint8_t {
  none,      ///< The model that the history is replayed with says nothing of customers.
  by_model,  ///< By the one that each customer is under.
};

/// Collects examples at cut-offs while a history is replayed.
class ExamplesObserver : public ReplayObserver {
 public:
  /// `actions`: all that the history has. `control`: whose arms examples have. All references must outlive the
  /// observer.
  ExamplesObserver(const History& history, const learn::Cutoffs& cutoffs, const Erasures& erasures,
                   const ActionNames& actions, std::size_t examples_max, const engine::ControlGroup& control,
                   ExampleRisk risk);
  void look(Timestamp moment, const engine::Task& task, const RecordTable& customers) override;
  void alert(Partition, const Alert&) override {}
  void action(Partition partition, const Event& event, const RecordTable& customers) override;
  /// None of customers who were erased, also later.
  [[nodiscard]] std::vector<learn::Example> take();

 private:
  const learn::Cutoffs& cutoffs_;
  const Erasures& erasures_;
  const ActionNames& actions_;
  const ExampleRisk risk_;
  learn::ExampleBudget budget_;
  std::vector<learn::ExampleCollector> collectors_;  ///< By partition.
};

}  // namespace holdfast::app
