#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"

/// docs/semantics.md a second time, as plainly as it can be said: maps and lists, formulas as they stand there, and the
/// moment of a crossing by looking at one moment after the other. Shares nothing with engine/ but the model's structs.
namespace holdfast::reference {

struct NaiveEvent {
  bool rejected = false;  ///< No event: only its place counts.
  std::string customer;
  Timestamp time;
  Timestamp logged_at{-1};
  EventKind kind{};
  std::string event_id;
  std::optional<double> amount;
  std::string currency;
  ComplaintStatus status{};
  bool is_return = false;
  bool erases = false;  ///< Of actions.
};

struct NaiveReason {
  Feature feature{};
  double value = 0;
  std::optional<double> typical;
  std::optional<double> alike;
  double contribution = 0;
};

struct NaiveAlert {
  std::string customer;
  std::string model;  ///< Its id.
  Arm arm{};
  double intercept = 0;  ///< Of its correction.
  double slope = 1;
  std::uint32_t seq = 0;
  std::uint32_t episode = 0;
  Change change{};
  Level level{};
  Level previous_level{};
  Timestamp time;
  double risk = 0;
  double p_alive = 0;
  double base = 0;
  std::vector<NaiveReason> reasons;
  TriggerType trigger{};
  std::size_t source = 0;  ///< Of the event that triggered it, as are:
  std::int64_t offset = 0;
  std::string event_id;
  Timestamp logged_at{-1};
  CustomerState state{};
  std::uint32_t purchases = 0;
  Timestamp first;
  Timestamp last;
  int open_complaints = 0;
  bool has_value = false;
  std::string currency;
  double spent = 0;
  std::optional<double> expected;
  double at_risk = 0;
};

/// What outcomes have said so far.
struct NaiveCalibration {
  /// How many of a quarter of a logit were asked, of how many the outcome is known, how many left, were told to.
  struct Quarter {
    double asked = 0;
    double outcomes = 0;
    double left = 0;
    double told = 0;
  };
  struct Correction {
    Timestamp from;
    double intercept = 0;
    double slope = 1;
  };
  std::optional<Timestamp> since;        ///< Scores of before do not count.
  std::optional<Timestamp> reviewed;     ///< The counts have faded until then.
  std::optional<Timestamp> next_review;  ///< The begin of a week.
  std::map<int, Quarter> quarters;       ///< By the score in the middle, in quarters.
  std::vector<Correction> corrections;   ///< Since when which one, in order.
};

/// One task over complete lists of events, a list a source.
class NaiveEngine {
 public:
  NaiveEngine(engine::Model model, engine::RiskPolicy policy, std::vector<std::vector<NaiveEvent>> sources);

  /// Takes everything, in the order of the merge.
  void run();
  /// Takes what lies before `ends`, then lets time go on to `clock`, if there is one.
  void step(const std::vector<std::size_t>& ends, std::optional<Timestamp> clock);
  void advance(Timestamp clock);
  /// A new model from `from` on, or from the first moment that is later than all that has happened. Returns which. Of
  /// the least number there is: it is the one from the beginning.
  Timestamp swap(engine::Model model, Timestamp from);
  /// Ends, and goes on from a checkpoint under a policy that calibrates otherwise.
  void go_on(const engine::RiskPolicy& policy);

  [[nodiscard]] const std::vector<NaiveAlert>& alerts() const { return alerts_; }
  [[nodiscard]] const NaiveCalibration& calibration() const { return calibration_; }

 private:
  struct Person {
    std::optional<Timestamp> moment;
    std::vector<std::string> latest_ids;
    Timestamp first;
    Timestamp last;
    int x = 0;
    std::uint32_t purchases = 0;
    bool mixed_currencies = false;
    bool has_amount = false;
    std::string currency;
    double spent = 0;
    double first_day_spent = 0;
    float gap_squares = 0;
    std::map<Feature, float> counters;
    int open_complaints = 0;
    int contacts = 0;
    std::int64_t seen_hours = 0;  ///< After the latest purchase.
    Level level = Level::none;
    std::uint32_t seq = 0;
    std::uint32_t episode = 0;
    Timestamp raised_at;
    bool lost = false;
    bool won_back = false;
    std::optional<Timestamp> timer;
    std::optional<int> probe;  ///< Quarter of a logit in which the score lay that waits for its outcome.
  };

  /// What an alert says of its cause.
  struct Cause {
    TriggerType type = TriggerType::silence;
    std::size_t source = 0;
    std::int64_t offset = 0;
    std::string event_id;
    Timestamp logged_at{-1};
  };

  void take(std::size_t source, std::size_t offset);
  bool begin_or_fire(Timestamp goal);
  void erase(const NaiveEvent& event, const Cause& cause);
  bool buy(Person& person, const NaiveEvent& event);
  void decay(Person& person, Timestamp to) const;
  void judge(const std::string& id, Person& person, Timestamp t, const Cause& cause);
  void alert(const std::string& id, Person& person, Timestamp t, Change change, Level level, const Cause& cause);
  void set_timer(const std::string& id, Person& person);

  [[nodiscard]] Arm arm(const std::string& id) const;
  [[nodiscard]] bool spend_counts(const Person& person) const;
  [[nodiscard]] bool is_judged(const Person& person) const;
  [[nodiscard]] Level judged(Level level, double risk) const;
  [[nodiscard]] double units(Duration d) const;
  [[nodiscard]] double p_alive(int x, double t_x, double age) const;
  [[nodiscard]] double stays_away(int x, double age) const;
  [[nodiscard]] double mbg_risk(int x, double t_x, double age) const;
  [[nodiscard]] double mbg_logit(int x, double t_x, double age) const;
  [[nodiscard]] std::optional<double> feature(const Person& person, Feature f, Timestamp t) const;
  [[nodiscard]] std::optional<double> habit(const Person& person, Feature f, Timestamp t) const;
  [[nodiscard]] double risk(const Person& person, Timestamp t) const;
  [[nodiscard]] std::optional<Timestamp> crossing(const Person& person, Timestamp last) const;
  [[nodiscard]] Timestamp turn_of(const Person& person, Timestamp from, Timestamp to, bool highest) const;

  struct Reign {
    engine::Model model;
    Timestamp from;
    std::optional<Duration> spread;  ///< Known once time has come to `from`.
    double intercept = 0;
    double slope = 1;
    std::optional<engine::Model> base{};  ///< Of a corrected model, what it is made of.
  };
  [[nodiscard]] Duration spread_for_all() const;
  void restart_calibration(Timestamp since);
  void review();
  void probe(const std::string& id, Person& person, Timestamp t);
  [[nodiscard]] Timestamp probe_after(const std::string& id, Timestamp t) const;
  [[nodiscard]] std::pair<double, double> best_correction() const;
  [[nodiscard]] double score(const Person& person, Timestamp t) const;
  [[nodiscard]] static Timestamp adoption(const std::string& id, const Reign& reign);
  [[nodiscard]] std::size_t reign_of(const std::string& id, Timestamp t) const;

  NaiveCalibration calibration_;
  std::deque<Reign> reigns_;              ///< One after the other.
  const engine::Model* model_ = nullptr;  ///< That of the person who is looked at.
  engine::RiskPolicy policy_;
  std::vector<std::vector<NaiveEvent>> sources_;
  std::vector<std::size_t> next_;
  std::map<std::string, Person> people_;
  std::optional<Timestamp> stream_time_;
  std::vector<NaiveAlert> alerts_;
};

}  // namespace holdfast::reference
