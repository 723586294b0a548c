#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/alert.hpp"
#include "domain/error.hpp"
#include "domain/event.hpp"
#include "domain/time.hpp"
#include "engine/control_group.hpp"
#include "engine/evidence.hpp"

namespace holdfast::engine {

/// MBG/NBD (Batislam, Denizel, Filiztekin 2007): purchase rates Gamma(r, alpha) per time unit, drop-out after each
/// purchase, the first included, with a Beta(a, b) probability.
struct MbgParameters {
  double r = 0;
  double alpha = 0;  ///< In time units.
  double a = 0;
  double b = 0;
};

/// Gamma-Gamma spend model (Fader, Hardie, Lee 2005), currency units.
struct GammaGammaParameters {
  double p = 0;
  double q = 0;
  double v = 0;
};

/// Numbers of a model that are multiplied lie within this of 0: weights count so, and a file with ranges or usual
/// values beyond it is none. So sums of weighted features stay finite.
inline constexpr double model_number_max = 1e100;

struct Logistic {
  struct Term {
    Feature feature{};
    double weight = 0;
    /// Within what the feature counts: below and above, as if it were at the end of its range. A model that was fitted
    /// on a range says nothing of what lies beyond.
    double least = -std::numeric_limits<double>::infinity();
    double most = std::numeric_limits<double>::infinity();

    [[nodiscard]] bool has_range() const { return std::isfinite(least) || std::isfinite(most); }
    [[nodiscard]] double within_range(double value) const { return std::min(std::max(value, least), most); }
  };
  double intercept = 0;
  std::vector<Term> terms;  ///< Each feature once, in order of Feature.
};

using FeatureSet = std::bitset<features>;

/// What is usual among customers alike: those with as many purchase days, when the model was trained.
class UsualValues {
 public:
  UsualValues() {
    for (auto& values : values_) values.fill(std::numeric_limits<double>::quiet_NaN());
  }

  /// Customers alike are those of one of these states, won back or lost ones by their purchase days.
  static constexpr std::array<CustomerState, 3> groups{CustomerState::first_time, CustomerState::repeat,
                                                       CustomerState::loyal};
  /// In the feature's unit; NaN: not known. REQUIRES: `group` is one of the groups.
  [[nodiscard]] double of(CustomerState group, Feature feature) const {
    return values_[index_of(group)][static_cast<std::size_t>(feature)];
  }
  void set(CustomerState group, Feature feature, double value) {
    values_[index_of(group)][static_cast<std::size_t>(feature)] = value;
  }

 private:
  static std::size_t index_of(CustomerState group) {
    return static_cast<std::size_t>(group) - static_cast<std::size_t>(CustomerState::first_time);
  }
  std::array<std::array<double, features>, groups.size()> values_;
};

/// A model file's content. Parameters are finite and positive where their formula needs it: reading a file checks.
struct Model {
  std::string id;       ///< 32 hex digits: hash of the file's bytes.
  std::string bytes{};  ///< The file.
  std::string name;
  Duration time_unit;
  Duration horizon;  ///< The one it was fitted for.
  MbgParameters mbg;
  std::optional<GammaGammaParameters> gamma_gamma;
  std::optional<Currency> currency{};  ///< Amounts in others are not known to it; none: it does not say.
  std::optional<Logistic> logistic;
  UsualValues alike{};
  EvidenceSet trained_with{};  ///< None: the file does not say.
  FeatureSet absent{};         ///< What no source tells of: keep_present() left it out.
};

/// Leaves out of the model what nothing is known of: features made of none of `present` are absent for every customer,
/// and an absent feature adds nothing to a score. Returns those with a weight other than 0, in order. To be called
/// once, before the model is used.
std::vector<Feature> keep_present(Model& model, EvidenceSet present);

/// Makes models of the bytes that steps and checkpoints carry. Any thread.
class ModelReader {
 public:
  virtual ~ModelReader() = default;
  /// The same bytes give the same. The error says what is wrong with them; whoever takes steps or checkpoints from
  /// outside asks, so that a task meets none.
  [[nodiscard]] virtual Expected<std::shared_ptr<const Model>> read(std::string_view bytes) = 0;
};

/// What is done with outcomes as they arrive.
enum class CalibrationUse : std::uint8_t { off, watch, correct };

/// Whom to alert on, and when.
struct RiskPolicy {
  Duration horizon;
  std::array<double, 3> thresholds{};  ///< watch < high < critical, each within (0, 1).
  double hysteresis = 0;               ///< Within [0, watch).
  std::uint32_t min_purchases = 0;     ///< Purchase days, x + 1.
  Duration expire_after;
  ControlGroup control{};  ///< Whom to leave alone, as alerts say; they are alerted on like all others.
  CalibrationUse calibration = CalibrationUse::off;
  Duration calibration_half_life{std::int64_t{182} * 86'400'000};  ///< Of the counts of outcomes.
};

}  // namespace holdfast::engine
