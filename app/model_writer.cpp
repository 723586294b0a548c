#include "app/model_writer.hpp"

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/model_file.hpp"
#include "app/units.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::strtod(fmt::format("{:.9g}", value).c_str(), nullptr); }

Json bound(double value) { return std::isfinite(value) ? Json(rounded(value)) : Json(nullptr); }

Json logistic_json(const engine::Logistic& logistic) {
  Json json{{"intercept", rounded(logistic.intercept)}, {"weights", Json::object()}};
  for (const engine::Logistic::Term& term : logistic.terms) json["weights"][name(term.feature)] = rounded(term.weight);
  for (const engine::Logistic::Term& term : logistic.terms) {
    if (term.has_range()) json["ranges"][name(term.feature)] = {bound(term.least), bound(term.most)};
  }
  return json;
}

Json alike_json(const engine::UsualValues& alike) {
  Json json = Json::object();
  for (const CustomerState group : engine::UsualValues::groups) {
    for (std::size_t i = 0; i < features; ++i) {
      const auto feature = static_cast<Feature>(i);
      if (const double value = alike.of(group, feature); !std::isnan(value))
        json[name(group)][name(feature)] = rounded(value);
    }
  }
  return json;
}

Json trained_with_json(engine::EvidenceSet trained_with) {
  Json json = Json::array();
  for (std::size_t i = 0; i < engine::evidence_kinds; ++i) {
    if (trained_with.test(i)) json.push_back(name(static_cast<engine::Evidence>(i)));
  }
  return json;
}

}  // namespace

std::string write_model(const engine::Model& model, const ModelNotes& notes) {
  Json json{{"format", model_format}, {"name", model.name}};
  for (const auto& [key, text] : notes) json["about"][key] = text;
  json["time_unit"] = to_text(model.time_unit);
  json["horizon"] = to_text(model.horizon);
  json["mbg"] = {{"r", rounded(model.mbg.r)},
                 {"alpha", rounded(model.mbg.alpha)},
                 {"a", rounded(model.mbg.a)},
                 {"b", rounded(model.mbg.b)}};
  if (model.gamma_gamma) {
    const auto& [p, q, v] = *model.gamma_gamma;
    json["gamma_gamma"] = {{"p", rounded(p)}, {"q", rounded(q)}, {"v", rounded(v)}};
  }
  if (model.currency) json["currency"] = model.currency->text();
  if (model.logistic) json["logistic"] = logistic_json(*model.logistic);
  if (Json alike = alike_json(model.alike); !alike.empty()) json["alike"] = std::move(alike);
  if (model.trained_with.any()) json["trained_with"] = trained_with_json(model.trained_with);
  return json.dump(2) + "\n";
}

}  // namespace holdfast::app
