#include <string>

#include <nlohmann/json.hpp>

#include "app/evaluation_findings.hpp"
#include "app/evaluation_report.hpp"
#include "app/evaluation_words.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::ordered_json;
using learn::metric_count;
using learn::scorer_count;

Json interval_json(const learn::ConfidenceInterval& interval) { return Json::array({interval.low, interval.high}); }

Json sample_json(const learn::Sample& sample) {
  Json out{{"rows", sample.rows}, {"customers", sample.customers}, {"left", sample.left}};
  if (sample.left_share_bounds) {
    out["left_share"] = sample.left_share();
    out["left_share_interval"] = interval_json(*sample.left_share_bounds);
    out["mean_risk"] = sample.mean_risk;
  }
  if (sample.shortage != learn::Shortage::none) out["shortage"] = name(sample.shortage);
  return out;
}

Json metrics_json(const learn::Estimates& estimates) {
  Json out = Json::object();
  for (std::size_t m = 0; m < metric_count; ++m) {
    if (!estimates[m]) continue;
    Json one{{"value", estimates[m]->value}};
    if (estimates[m]->interval) one["interval"] = interval_json(*estimates[m]->interval);
    out[std::string(name(static_cast<learn::Metric>(m)))] = std::move(one);
  }
  return out;
}

Json cohort_json(Json head, const learn::Cohort& cohort) {
  head.update(sample_json(cohort.sample));
  if (cohort.sample.shortage != learn::Shortage::none) return head;
  head["metrics"] = metrics_json(cohort.model);
  Json auc = Json::object();
  for (std::size_t s = 0; s < scorer_count; ++s) {
    if (cohort.auc[s]) auc[std::string(name(static_cast<learn::Scorer>(s)))] = *cohort.auc[s];
  }
  head["auc"] = std::move(auc);
  return head;
}

Json by_scorer(const auto& value_of) {
  Json out = Json::object();
  for (std::size_t s = 0; s < scorer_count; ++s) out[std::string(name(static_cast<learn::Scorer>(s)))] = value_of(s);
  return out;
}

Json differences_json(const learn::Evaluation& evaluation) {
  Json out = Json::object();
  for (std::size_t m = 0; m < metric_count; ++m) {
    const auto& difference = evaluation.differences[m];
    if (!difference) continue;
    Json one{{"baseline", name(difference->baseline)}, {"value", difference->value}};
    if (difference->interval) one["interval"] = interval_json(*difference->interval);
    out[std::string(name(static_cast<learn::Metric>(m)))] = std::move(one);
  }
  return out;
}

Json curves_json(const learn::Evaluation& evaluation) {
  return by_scorer([&](std::size_t s) {
    Json points = Json::array();
    for (const auto& point : evaluation.curves[s])
      points.push_back({{"targeted", point.targeted}, {"of_left", point.of_left}, {"of_stayed", point.of_stayed}});
    return points;
  });
}

Json targets_json(const learn::Evaluation& evaluation) {
  Json out = Json::array();
  for (const auto& target : evaluation.targets) {
    out.push_back({{"share", target.share},
                   {"of_left", by_scorer([&](std::size_t s) { return target.of_left[s]; })},
                   {"left_of_contacted", target.who_left(learn::Scorer::model, evaluation.sample)}});
  }
  return out;
}

Json reliability_json(const learn::Evaluation& evaluation) {
  Json out = Json::array();
  for (const auto& bin : evaluation.reliability) {
    out.push_back({{"rows", bin.rows},
                   {"mean_risk", bin.mean_score},
                   {"left_share", bin.left_share},
                   {"interval", interval_json(bin.interval)}});
  }
  return out;
}

Json fraction_json(const learn::Fraction& fraction) {
  Json out{{"count", fraction.count}, {"of", fraction.of}};
  if (const auto share = fraction.share()) out["share"] = *share;
  if (fraction.interval) out["interval"] = interval_json(*fraction.interval);
  return out;
}

Json quartiles_json(const learn::Quartiles& quartiles) {
  return {{"lower", quartiles.lower}, {"median", quartiles.median}, {"upper", quartiles.upper}};
}

Json alerts_json(const learn::AlertJudgement& alerts) {
  Json out{{"flags", alerts.flags},
           {"customers", alerts.customers},
           {"days", alerts.days},
           {"flags_per_day", alerts.flags_per_day()},
           {"busiest_day", alerts.busiest_day},
           {"undecided", alerts.undecided},
           {"left_of_flagged", fraction_json(alerts.left_of_flagged)},
           {"flagged_of_left", fraction_json(alerts.flagged_of_left)},
           {"before_overdue", fraction_json(alerts.before_overdue)},
           {"gap_unknown", alerts.gap_unknown}};
  if (alerts.lead_days) out["lead_days"] = quartiles_json(*alerts.lead_days);
  if (alerts.silence_days) out["silence_days"] = quartiles_json(*alerts.silence_days);
  return out;
}

Json group_json(const learn::GroupOutcome& group) {
  Json out{{"rows", group.rows}, {"customers", group.customers}, {"left", group.left}};
  if (group.rows > 0) out["left_share"] = group.left_share();
  return out;
}

Json comparisons_json(const learn::Evaluation& evaluation) {
  Json out = Json::array();
  for (const auto& comparison : evaluation.comparisons) {
    const bool are_arms = comparison.groups == learn::Comparison::Groups::arms;
    Json one{{"groups", name(comparison.groups)},
             {"at_watch", comparison.at_watch},
             {are_arms ? "treatment" : "treated", group_json(comparison.first)},
             {are_arms ? "control" : "not_treated", group_json(comparison.second)}};
    if (comparison.interval) {
      one["difference"] = comparison.difference();
      one["interval"] = interval_json(*comparison.interval);
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json facts_json(const EvaluationFacts& facts) {
  Json out{{"model", {{"name", facts.model_name}, {"id", facts.model_id}}},
           {"horizon_days", facts.horizon.days()},
           {"data", {{"from", to_rfc3339(facts.data_from)}, {"to", to_rfc3339(facts.data_to)}}}};
  out["cutoffs"] = Json::array();
  for (const Timestamp cutoff : facts.cutoffs) out["cutoffs"].push_back(to_rfc3339(cutoff));
  out["parameters"] = Json::object();
  for (const auto& [name, text] : facts.parameters) out["parameters"][name] = text;
  out["levels"] = Json::object();
  for (const auto& [name, threshold] : facts.levels) out["levels"][name] = threshold;
  return out;
}

Json shown_json(const EvaluationFacts& facts) {
  Json out{{"risk_over_silence", Json::array()}, {"contributions", Json::array()}};
  for (const RiskCurve& curve : facts.curves)
    out["risk_over_silence"].push_back(
        {{"label", curve_text(curve, Language::en)}, {"days", curve.days}, {"risk", curve.risk}});
  for (const auto& one : facts.contributions) {
    out["contributions"].push_back(
        {{"feature", one.feature}, {"mean_absolute", one.mean_absolute}, {"mean", one.mean}});
  }
  return out;
}

Json settings_json(const learn::EvaluationSettings& settings) {
  return {{"replicates", settings.bootstrap.replicates},
          {"coverage", settings.bootstrap.coverage},
          {"seed", settings.bootstrap.seed},
          {"least_of_each", settings.least_of_each},
          {"profit",
           {{"alpha", settings.profit.alpha},
            {"beta", settings.profit.beta},
            {"value", settings.profit.value},
            {"offer_cost", settings.profit.offer_cost},
            {"contact_cost", settings.profit.contact_cost}}}};
}

}  // namespace

nlohmann::ordered_json evaluation_json(const learn::Evaluation& evaluation, const EvaluationFacts& facts) {
  Json out = facts_json(facts);
  out["settings"] = settings_json(evaluation.settings);
  out["verdict"] = verdict(evaluation, Language::en);
  out["warnings"] = warnings(evaluation, facts, Language::en);
  out["sample"] = sample_json(evaluation.sample);
  out["scorers"] = by_scorer([&](std::size_t s) { return metrics_json(evaluation.scorers[s]); });
  out["model_less_best_baseline"] = differences_json(evaluation);
  out["states"] = Json::array();
  for (const auto& cohort : evaluation.states)
    out["states"].push_back(cohort_json({{"state", name(cohort.state)}}, cohort));
  out["after_complaint"] = cohort_json(Json::object(), evaluation.after_complaint);
  out["by_cutoff"] = Json::array();
  for (const auto& cohort : evaluation.cutoffs)
    out["by_cutoff"].push_back(cohort_json({{"cutoff", cohort.cutoff}}, cohort));
  out["alerts"] = alerts_json(evaluation.alerts);
  out["comparisons"] = comparisons_json(evaluation);
  out["reliability"] = reliability_json(evaluation);
  if (evaluation.ece_by_chance) out["ece_by_chance"] = *evaluation.ece_by_chance;
  out["histogram"] = evaluation.histogram;
  out["targets"] = targets_json(evaluation);
  out["curves"] = curves_json(evaluation);
  out.update(shown_json(facts));
  return out;
}

}  // namespace holdfast::app
