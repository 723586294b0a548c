#include "app/model_file.hpp"

#define XXH_INLINE_ALL
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "app/config_keys.hpp"
#include "app/units.hpp"
#include "domain/event.hpp"
#include "domain/limits.hpp"
#include "engine/evidence.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration time_unit_max{3650LL * 86'400'000};

std::string content_hash(std::string_view bytes) {
  XXH128_canonical_t canonical{};
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  std::string hex;
  for (const unsigned char byte : canonical.digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best = known.front();
  for (const std::string_view candidate : known) {
    if (edit_distance(word, candidate) < edit_distance(word, best)) best = candidate;
  }
  return std::string(best);
}

/// Reads one model file and collects what is wrong with it.
class ModelReader {
 public:
  explicit ModelReader(const std::string& path) : path_(path) {}

  engine::Model read(const Json& root) {
    constexpr std::array<std::string_view, 11> known{"format",   "name",  "about",       "time_unit",
                                                     "horizon",  "mbg",   "gamma_gamma", "currency",
                                                     "logistic", "alike", "trained_with"};
    engine::Model model;
    if (!root.is_object()) {
      fault("", "the file must be a JSON object");
      return model;
    }
    // A newer format may mean all else differently, so nothing more is said about the file.
    if (!check_format(root)) return model;
    check_keys(root, "", known);
    model.name = text(root, "name");
    model.time_unit = duration(root, "time_unit");
    model.horizon = duration(root, "horizon");
    model.mbg = read_mbg(root);
    if (root.contains("gamma_gamma")) model.gamma_gamma = read_gamma_gamma(root["gamma_gamma"]);
    if (root.contains("currency")) model.currency = read_currency(root["currency"]);
    if (root.contains("logistic")) model.logistic = read_logistic(root["logistic"]);
    if (root.contains("alike")) model.alike = read_alike(root["alike"]);
    if (root.contains("trained_with")) {
      model.trained_with = read_trained_with(root["trained_with"]);
      if (faults_.empty()) check_weights(model);
    }
    return model;
  }

  [[nodiscard]] const std::string& faults() const { return faults_; }

 private:
  void fault(const std::string& key, std::string_view message) {
    faults_ += fmt::format("{}{}: {}{}{}", faults_.empty() ? "" : "\n", path_, key, key.empty() ? "" : ": ", message);
  }

  bool check_format(const Json& root) {
    if (!root.contains("format")) return true;
    const Json& format = root["format"];
    if (!format.is_number_unsigned() || format.get<std::uint64_t>() == 0) {
      fault("format", "must be a whole number from 1");
      return false;
    }
    if (format.get<std::uint64_t>() <= model_format) return true;
    fault("format", fmt::format("is {}, and this release reads up to {}; update Holdfast or train the model with this "
                                "release",
                                format.get<std::uint64_t>(), model_format));
    return false;
  }

  void check_keys(const Json& object, const std::string& group, std::span<const std::string_view> known) {
    for (const auto& item : object.items()) {
      if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
      fault(group + item.key(), fmt::format("unknown key; did you mean {}{}?", group, nearest(item.key(), known)));
    }
  }

  std::string text(const Json& root, const std::string& key) {
    if (!root.contains(key)) {
      fault(key, "is missing");
    } else if (!root[key].is_string() || root[key].get_ref<const std::string&>().empty()) {
      fault(key, "must be a text in quotes");
    } else {
      return root[key].get<std::string>();
    }
    return {};
  }

  Duration duration(const Json& root, const std::string& key) {
    const std::string written = text(root, key);
    if (written.empty()) return {};
    const auto value = parse_duration(written);
    if (!value) {
      fault(key, value.error());
    } else if (value->ms == 0 || *value > time_unit_max) {
      fault(key, fmt::format("'{}' must be more than nothing and at most {}", written, to_text(time_unit_max)));
    } else {
      return *value;
    }
    return {};
  }

  /// A finite number above `above`.
  double number(const Json& object, const std::string& group, const std::string& key,
                double above = -std::numeric_limits<double>::infinity()) {
    if (!object.contains(key)) {
      fault(group + key, "is missing");
    } else if (!object[key].is_number() || !std::isfinite(object[key].get<double>())) {
      fault(group + key, "must be a number");
    } else if (const auto value = object[key].get<double>(); value > above) {
      return value;
    } else {
      fault(group + key, fmt::format("is {}, and must be greater than {}", value, above));
    }
    return 0;
  }

  /// For what is multiplied by a weight.
  double check_size(double value, const std::string& key) {
    if (std::abs(value) > engine::model_number_max)
      fault(key, fmt::format("is {}, and must lie within {} of 0", value, engine::model_number_max));
    return value;
  }

  bool is_object(const Json& value, const std::string& key) {
    if (value.is_object()) return true;
    fault(key, "must be an object");
    return false;
  }

  engine::MbgParameters read_mbg(const Json& root) {
    constexpr std::array<std::string_view, 4> known{"r", "alpha", "a", "b"};
    if (!root.contains("mbg")) {
      fault("mbg", "is missing; every model needs it");
      return {};
    }
    const Json& mbg = root["mbg"];
    if (!is_object(mbg, "mbg")) return {};
    check_keys(mbg, "mbg.", known);
    return {.r = number(mbg, "mbg.", "r", 0),
            .alpha = number(mbg, "mbg.", "alpha", 0),
            .a = number(mbg, "mbg.", "a", 0),
            .b = number(mbg, "mbg.", "b", 0)};
  }

  std::optional<engine::GammaGammaParameters> read_gamma_gamma(const Json& part) {
    constexpr std::array<std::string_view, 3> known{"p", "q", "v"};
    if (!is_object(part, "gamma_gamma")) return std::nullopt;
    check_keys(part, "gamma_gamma.", known);
    // The mean spend over all customers is p·v/(q - 1): there is none for a q up to 1.
    return engine::GammaGammaParameters{.p = number(part, "gamma_gamma.", "p", 0),
                                        .q = number(part, "gamma_gamma.", "q", 1),
                                        .v = number(part, "gamma_gamma.", "v", 0)};
  }

  std::optional<Currency> read_currency(const Json& part) {
    const std::string code = part.is_string() ? part.get<std::string>() : "?";
    if (code.empty()) return Currency{};
    const auto currency = Currency::from(code);
    if (!currency)
      fault("currency",
            "must be an ISO 4217 code of three capital letters in quotes, or \"\" for amounts that name none");
    return currency;
  }

  std::optional<engine::Logistic> read_logistic(const Json& part) {
    constexpr std::array<std::string_view, 3> known{"intercept", "weights", "ranges"};
    if (!is_object(part, "logistic")) return std::nullopt;
    check_keys(part, "logistic.", known);
    engine::Logistic logistic;
    logistic.intercept = number(part, "logistic.", "intercept");
    if (!part.contains("weights")) {
      fault("logistic.weights", "is missing");
    } else if (const Json& weights = part["weights"]; is_object(weights, "logistic.weights")) {
      read_weights(weights, logistic);
    }
    if (part.contains("ranges")) read_ranges(part["ranges"], logistic);
    return logistic;
  }

  /// Of features that have a weight: [least, most], either of them null for no bound.
  void read_ranges(const Json& ranges, engine::Logistic& logistic) {
    if (!is_object(ranges, "logistic.ranges")) return;
    std::vector<std::string_view> known;
    for (engine::Logistic::Term& term : logistic.terms) {
      known.push_back(name(term.feature));
      const std::string key(name(term.feature));
      if (ranges.contains(key)) read_range(ranges[key], "logistic.ranges." + key, term);
    }
    for (const auto& item : ranges.items()) {
      if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
      fault("logistic.ranges." + item.key(), "has no weight in logistic.weights: give it one, or leave out its range");
    }
  }

  void read_range(const Json& range, const std::string& key, engine::Logistic::Term& term) {
    const auto is_bound = [](const Json& value) {
      return value.is_null() || (value.is_number() && std::isfinite(value.get<double>()));
    };
    if (!range.is_array() || range.size() != 2 || !is_bound(range[0]) || !is_bound(range[1])) {
      fault(key, "must be [least, most], two numbers, or null for no bound");
      return;
    }
    if (!range[0].is_null()) term.least = check_size(range[0].get<double>(), key);
    if (!range[1].is_null()) term.most = check_size(range[1].get<double>(), key);
    if (term.least > term.most) fault(key, fmt::format("{} is more than {}", term.least, term.most));
  }

  void read_weights(const Json& weights, engine::Logistic& logistic) {
    std::vector<std::string_view> known;
    for (std::size_t i = 0; i < features; ++i) {
      const auto feature = static_cast<Feature>(i);
      if (feature == Feature::purchase_history) continue;
      known.push_back(name(feature));
      const std::string key(name(feature));
      if (weights.contains(key))
        logistic.terms.push_back({.feature = feature, .weight = number(weights, "logistic.weights.", key)});
    }
    check_keys(weights, "logistic.weights.", known);
  }

  engine::UsualValues read_alike(const Json& part) {
    engine::UsualValues alike;
    if (!is_object(part, "alike")) return alike;
    std::vector<std::string_view> states;
    for (const CustomerState state : engine::UsualValues::groups) {
      states.push_back(name(state));
      if (const std::string key(name(state)); part.contains(key)) read_usual(part[key], "alike." + key, state, alike);
    }
    check_keys(part, "alike.", states);
    return alike;
  }

  void read_usual(const Json& values, const std::string& group, CustomerState state, engine::UsualValues& alike) {
    if (!is_object(values, group)) return;
    std::vector<std::string_view> known;
    for (std::size_t i = 0; i < features; ++i) {
      const auto feature = static_cast<Feature>(i);
      known.push_back(name(feature));
      const std::string key(name(feature));
      if (values.contains(key))
        alike.set(state, feature, check_size(number(values, group + ".", key), group + "." + key));
    }
    check_keys(values, group + ".", known);
  }

  engine::EvidenceSet read_trained_with(const Json& part) {
    const std::string key = "trained_with";
    engine::EvidenceSet set;
    std::array<std::string_view, engine::evidence_kinds> known;
    for (std::size_t i = 0; i < known.size(); ++i) known[i] = name(static_cast<engine::Evidence>(i));
    if (!part.is_array()) {
      fault(key, fmt::format("must be a list of {}", fmt::join(known, ", ")));
      return set;
    }
    for (const Json& item : part) {
      if (!item.is_string()) {
        fault(key, fmt::format("must be a list of {}, each in quotes", fmt::join(known, ", ")));
        return set;
      }
      const auto& word = item.get_ref<const std::string&>();
      const auto found = std::ranges::find(known, word);
      if (found != known.end()) {
        set.set(static_cast<std::size_t>(found - known.begin()));
      } else {
        fault(key, fmt::format("'{}' is unknown; did you mean {}?", word, nearest(word, known)));
        return set;
      }
    }
    if (!has(set, engine::Evidence::purchase)) fault(key, "lacks purchase; every model is fitted to purchases");
    return set;
  }

  /// What a model was trained without it cannot weigh.
  void check_weights(const engine::Model& model) {
    if (!model.logistic) return;
    for (const engine::Logistic::Term& term : model.logistic->terms) {
      const engine::Evidence needed = engine::evidence_of(term.feature);
      if (term.weight == 0 || has(model.trained_with, needed)) continue;
      fault(
          fmt::format("logistic.weights.{}", name(term.feature)),
          fmt::format("needs {}, which trained_with does not name; add it there, or remove the weight", name(needed)));
    }
  }

  const std::string& path_;
  std::string faults_;
};

/// nlohmann's message without the name of its exception.
std::string plain(std::string_view what) {
  const std::size_t end = what.find("] ");
  return std::string(what.starts_with('[') && end != std::string_view::npos ? what.substr(end + 2) : what);
}

}  // namespace

Expected<engine::Model> parse_model(std::string_view bytes, const std::string& path) {
  if (bytes.size() > limits::model_bytes_max)
    return fail(ErrorKind::invalid_argument, fmt::format("{}: has {} bytes, and a model file has at most {}", path,
                                                         bytes.size(), limits::model_bytes_max));
  try {
    ModelReader reader(path);
    engine::Model model = reader.read(Json::parse(bytes));
    if (!reader.faults().empty()) return fail(ErrorKind::invalid_argument, reader.faults());
    model.id = content_hash(bytes);
    model.bytes = bytes;
    return model;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::invalid_argument, fmt::format("{}: is no JSON: {}", path, plain(error.what())));
  }
}

Expected<engine::Model> read_model(const std::string& path, const FileReader& files) {
  const auto bytes = files(path);
  if (!bytes) return fail(ErrorKind::invalid_argument, bytes.error().message + "; name a model file in risk.model");
  return parse_model(*bytes, path);
}

engine::EvidenceSet evidence_in(std::span<const ingest::SourceFormat> sources) {
  engine::EvidenceSet present;
  for (std::size_t i = 0; i < present.size(); ++i) {
    const EventKind kind = engine::kind_of(static_cast<engine::Evidence>(i));
    present.set(i, std::ranges::any_of(sources, [&](const auto& source) { return source.kind == kind; }));
  }
  return present;
}

std::vector<std::string> fit_to_sources(engine::Model& model, std::span<const ingest::SourceFormat> sources,
                                        const std::string& path) {
  const engine::EvidenceSet present = evidence_in(sources);
  const std::vector<Feature> missed = engine::keep_present(model, present);
  if (!has(present, engine::Evidence::purchase))
    return {
        "sources: none has kind purchase, and without purchases nobody has a risk; add one, or there are no alerts"};
  std::vector<std::string> warnings;
  for (const ingest::SourceFormat& source : sources) {
    const auto named = source.defaults.find("currency");
    if (source.kind != EventKind::purchase || named == source.defaults.end() || !model.currency ||
        Currency::from(named->second) == model.currency)
      continue;
    warnings.push_back(fmt::format(
        "{}: currency: is '{}', and source {} has '{}' where a record names none: spend in it is not known to the "
        "model, and risks lack what it usually adds; train a model on amounts in the currency of the topics",
        path, model.currency->text(), source.name, named->second));
  }
  for (const Feature feature : missed) {
    const std::string_view kind = name(engine::kind_of(engine::evidence_of(feature)));
    warnings.push_back(
        fmt::format("{}: logistic.weights.{}: no source has kind {}, so the feature is absent and adds nothing, and "
                    "risks lack what it usually adds; add a source of kind {}, or train a model without",
                    path, name(feature), kind, kind));
  }
  return warnings;
}

}  // namespace holdfast::app
