#include "app/evaluation_words.hpp"

#include <algorithm>
#include <array>

namespace holdfast::app {
namespace {

struct Entry {
  Text key;
  std::string_view english;
  std::string_view chinese;
};

constexpr std::array<Entry, text_count> entries{{
    {Text::page_language, "en", "zh-CN"},
    {Text::page_title, "Churn model report: {0}", "客户流失模型评估：{0}"},
    {Text::page_lead,
     "How well the model told, on time that it had not seen, which customers would make no purchase within {0} days.",
     "在模型没有见过的时间里，它能多准确地预知哪些客户会在 {0} 天内不再购买。"},
    {Text::summary, "In short", "概要"},
    {Text::read_with_care, "Read with care", "请注意"},
    {Text::comparison, "Against simple rules", "与简单规则比较"},
    {Text::comparison_how,
     "A model is worth its keep only if it does better than a rule that needs none. Three rules judge the same "
     "customers: days since the latest purchase, number of purchases, and MBG/NBD, a model of purchase times alone. "
     "Below each figure stands its {0}% interval. Rules that give no probability have no figures for probabilities.",
     "模型只有胜过不需要模型的规则才有价值。三种规则评判同一批客户：距最近购买的天数、购买次数，以及只看购买时间的 "
     "MBG/NBD 模型。每个数字下方是其 {0}% 置信区间。不给出概率的规则没有与概率有关的指标。"},
    {Text::auc_plot, "Ranking, with its uncertainty", "排序能力及其不确定性"},
    {Text::auc_plot_how,
     "The AUC of the model, of the rules, and of the model within each group of customers. Bars are {0}% intervals: "
     "where two overlap widely, the difference may be chance. 0.5 is a coin toss, 1 is perfect.",
     "模型、各规则以及模型在各客户群中的 AUC。横线为 {0}% 置信区间：若两条大幅重叠，差异可能只是偶然。0.5 "
     "相当于抛硬币，1 为完美。"},
    {Text::roc, "ROC curve", "ROC 曲线"},
    {Text::roc_how,
     "Go down the list of customers from the greatest risk. The curve shows which share of those who left (upwards) "
     "and "
     "of those who stayed (to the right) has been met by then. The closer to the upper left corner, the better; the "
     "dashed diagonal is a coin toss. The area below a curve is its AUC.",
     "从风险最高的客户开始往下看名单。曲线表示此时已遇到的流失客户占全部流失客户的比例（纵轴）和已遇到的留存客户占全部"
     "留存客户的比例（横轴）。越靠近左上角越好；虚线对角线相当于抛硬币。曲线下的面积就是 AUC。"},
    {Text::gain, "Cumulative gain", "累积增益"},
    {Text::gain_how,
     "If you contact the part of customers at greatest risk (to the right), this share of all who left is among them "
     "(upwards). The dashed diagonal is a choice at random; the dotted line is the best that any model could do.",
     "如果联系风险最高的这部分客户（横轴），其中包含多少比例的流失客户（纵轴）。虚线对角线为随机挑选；点线为任何模型所"
     "能"
     "达到的上限。"},
    {Text::reliability, "Are the probabilities right?", "概率可信吗？"},
    {Text::reliability_how,
     "Customers are sorted by predicted risk into groups of about equal size. A dot on the diagonal means that as many "
     "left as the model said: of those given 60%, 60%. Dots below it: the model was too gloomy. Dots above it: too "
     "hopeful. Bars are 95% intervals; the strip underneath shows how many got which risk.",
     "客户按预测风险排序，分成人数大致相等的组。点落在对角线上表示流失人数与模型所说一致：预测 60% 的，确有 60% "
     "流失。点在对角线下方：模型过于悲观；在上方：过于乐观。竖线为 95% 置信区间；下方的条形图显示各风险区间的人数。"},
    {Text::reliability_chance,
     "The calibration error is {0} percentage points. With so few in a group, chance alone would make about {1} even "
     "if every probability were right.",
     "校准误差为 {0} 个百分点。由于每组人数有限，即使每个概率都正确，仅偶然因素也会造成约 {1} 个百分点。"},
    {Text::silence, "Risk as silence goes on", "沉默越久，风险越高"},
    {Text::silence_how,
     "Each line is a customer with some history who simply stays silent. Where a line reaches a level, an alert is "
     "raised at that very moment. Customers who buy often become conspicuous sooner.",
     "每条线是一位有某种购买历史、此后一直沉默的客户。线达到某一等级的那一刻就会发出预警。购买频繁的客户会更早显出异"
     "常。"},
    {Text::contributions, "What the risk is made of", "风险由什么构成"},
    {Text::contributions_how,
     "Contributions to the score, in log-odds, averaged over the judged customers. The bar shows how much a feature "
     "moves the risk, whichever way; the diamond shows where it moves it on the whole: to the right towards leaving, "
     "to "
     "the left towards staying. This says what the model looks at, not what makes customers leave.",
     "各特征对评分的贡献（对数几率），对受评客户取平均。条形表示该特征对风险影响的大小，不论方向；菱形表示总体上的方向"
     "："
     "向右为趋于流失，向左为趋于留存。这说明模型看重什么，而不是客户为何离开。"},
    {Text::cohorts, "By group of customers", "按客户群"},
    {Text::cohorts_how,
     "A good average can hide a group for which the model knows nothing. The last column is the AUC of the best simple "
     "rule within the group. Groups with too few who left or too few who stayed have no figures: chance would decide "
     "them.",
     "总体表现好，也可能掩盖模型一无所知的客户群。最后一列是该群内最佳简单规则的 "
     "AUC。流失或留存人数过少的客户群不给数字，否则只是偶然。"},
    {Text::by_cutoff, "By cut-off", "按截止时点"},
    {Text::alerts, "What staff feel of it", "员工的实际感受"},
    {Text::alerts_how,
     "From the watched time, with the alert levels in force: how many customers were flagged, whether they really "
     "left, "
     "and whether staff heard of it in time. A lead is how many days before the customer's usual next purchase would "
     "have been overdue the flag was raised; a negative one came after it.",
     "在观察期内按现行预警等级统计：标记了多少客户，他们是否真的流失，员工是否及时得知。提前量指预警比客户“按惯例下次购"
     "买应到而未到”之时早了多少天；负数表示晚于该时点。"},
    {Text::treatment, "What acting on customers did", "对客户采取行动的效果"},
    {Text::treatment_how,
     "How many left of either arm, where there is a control group, and of those who were acted on within the horizon, "
     "before they bought again, and those who were not. Only the difference between the arms is an effect: chance put "
     "customers there. Whoever was acted on was chosen for it. Intervals are {0}% ones; where one holds 0, nothing is "
     "shown.",
     "有对照组时，两组各有多少客户流失；以及在预测期限内、再次购买之前被采取行动的客户与其余客户各有多少流失。只有两组"
     "之间的差异才是行动的效果：客户是随机分组的。而被采取行动的客户是挑选出来的。区间为 {0}% 置信区间；若包含 "
     "0，则什么也不能说明。"},
    {Text::about, "What was judged, and how", "评估对象与方法"},
    {Text::method,
     "Metrics have {0}% intervals by a bootstrap over customers ({1} replicates, seed {2}); those of the calibration "
     "error "
     "are corrected for the noise that drawing adds; shares have Wilson intervals. Profit: a contacted leaver stays "
     "with "
     "a probability of Beta({3}, {4}), a customer is worth {5}, an offer costs {6}, a contact {7} (Verbraken, Verbeke, "
     "Baesens 2013). At least {8} must have left and as many stayed for figures to be given.",
     "各指标的 {0}% 置信区间来自按客户的自助法（{1} 次重抽样，种子 {2}）；校准误差的区间已扣除重抽样带来的噪声；比例用 "
     "Wilson 区间。利润：被联系的流失客户以 Beta({3}, {4}) 的概率留下，一位客户价值 {5}，一次优惠成本 "
     "{6}，一次联系成本 "
     "{7}（Verbraken、Verbeke、Baesens 2013）。流失和留存各至少 {8} 人才给出数字。"},
    {Text::verdict_better,
     "The model ranks those who leave better than the best simple rule, “{0}”: AUC {1} against {2} ({3}).",
     "模型对流失客户的排序优于最佳简单规则“{0}”：AUC {1} 对 {2}（{3}）。"},
    {Text::verdict_unclear,
     "It is not shown that the model ranks those who leave better than the best simple rule, “{0}”: AUC {1} against "
     "{2} "
     "({3}).",
     "尚不能说明模型对流失客户的排序优于最佳简单规则“{0}”：AUC {1} 对 {2}（{3}）。"},
    {Text::verdict_worse,
     "The model ranks those who leave worse than the best simple rule, “{0}”: AUC {1} against {2} ({3}).",
     "模型对流失客户的排序不如最佳简单规则“{0}”：AUC {1} 对 {2}（{3}）。"},
    {Text::verdict_none, "There is too little to judge the model by.", "数据太少，无法评判模型。"},
    {Text::difference_of, "difference {0}", "差 {0}"},
    {Text::difference_within, "difference {0}, {1}% interval {2}", "差 {0}，{1}% 置信区间 {2}"},
    {Text::key_auc, "AUC", "AUC"},
    {Text::key_auc_note, "Of 100 pairs of one who left and one who stayed, the model ranks {0} in the right order.",
     "每 100 对流失与留存客户中，模型能排对 {0} 对。"},
    {Text::key_lift, "Top tenth", "风险最高的十分之一"},
    {Text::key_lift_note, "Of the tenth at greatest risk, {0} left; of all, {1}.",
     "风险最高的十分之一中有 {0} 流失；全体为 {1}。"},
    {Text::key_calibration, "Predicted and real", "预测与实际"},
    {Text::key_calibration_note, "Mean predicted risk, and the share that left.", "平均预测风险，与实际流失比例。"},
    {Text::key_precision, "Flags that were right", "预警准确率"},
    {Text::key_precision_note, "After {0} of {1} flags the customer made no purchase within the horizon.",
     "{1} 次预警中有 {0} 次，客户确实在期限内没有购买。"},
    {Text::key_recall, "Leavers who were flagged", "流失客户被预警的比例"},
    {Text::key_recall_note, "{0} of {1} customers who left had been flagged.", "{1} 位流失客户中有 {0} 位曾被预警。"},
    {Text::key_load, "Flags a day", "每日预警数"},
    {Text::key_load_note, "{0} on the busiest day.", "最忙的一天为 {0} 次。"},
    {Text::model, "Model", "模型"},
    {Text::recency, "Recency", "最近购买"},
    {Text::frequency, "Frequency", "购买次数"},
    {Text::mbg, "MBG/NBD", "MBG/NBD"},
    {Text::coin, "At random", "随机"},
    {Text::perfect, "Best possible", "理论上限"},
    {Text::auc, "AUC", "AUC"},
    {Text::top_decile_lift, "Top-decile lift", "前十分之一提升度"},
    {Text::brier, "Brier score", "Brier 分数"},
    {Text::log_loss, "Log loss", "对数损失"},
    {Text::ece, "Calibration error (ECE)", "校准误差（ECE）"},
    {Text::empc, "Profit per customer (EMPC)", "每客户利润（EMPC）"},
    {Text::target_share, "Share to contact", "应联系比例"},
    {Text::auc_means, "How often one who left ranks above one who stayed.", "流失客户排在留存客户之前的概率。"},
    {Text::top_decile_lift_means, "How many times the average leave among the tenth at greatest risk.",
     "风险最高的十分之一中，流失率是平均的几倍。"},
    {Text::brier_means, "Mean squared error of the probability; less is better.", "概率的均方误差；越小越好。"},
    {Text::log_loss_means, "Punishes confident mistakes; less is better.", "严惩自信的错误；越小越好。"},
    {Text::ece_means, "Mean distance between predicted and real shares; less is better.",
     "预测比例与实际比例的平均差距；越小越好。"},
    {Text::empc_means, "Expected profit of the best campaign, in units of the customer value.",
     "最佳挽留活动的期望利润，单位同客户价值。"},
    {Text::target_share_means, "The share of customers which that campaign contacts.", "该活动所联系的客户比例。"},
    {Text::metric, "Metric", "指标"},
    {Text::model_less_best, "Model − best rule", "模型 − 最佳规则"},
    {Text::against, "against {0}", "对 {0}"},
    {Text::interval, "{0}% interval", "{0}% 置信区间"},
    {Text::group, "Group", "组"},
    {Text::rows, "Rows", "样本数"},
    {Text::customers, "Customers", "客户数"},
    {Text::left, "Left", "流失"},
    {Text::left_of_all, "{0} of {1} left", "{1} 中流失 {0}"},
    {Text::predicted, "Predicted", "预测"},
    {Text::best_rule_auc, "Best rule", "最佳规则"},
    {Text::contacted, "Contacted", "联系比例"},
    {Text::contacted_axis, "Share of customers contacted", "联系的客户比例"},
    {Text::reached_axis, "Share of leavers reached", "覆盖的流失客户比例"},
    {Text::of_contacted_left, "Left, of those contacted by the model", "模型所选者中流失"},
    {Text::stayed_met_axis, "Share of those who stayed", "留存客户比例"},
    {Text::left_met_axis, "Share of those who left", "流失客户比例"},
    {Text::risk_axis, "Predicted risk", "预测风险"},
    {Text::left_axis, "Share that left", "实际流失比例"},
    {Text::rows_axis, "Rows", "样本数"},
    {Text::days_axis, "Days since the latest purchase", "距最近购买的天数"},
    {Text::days, "Days", "天数"},
    {Text::curve_of_one, "1 purchase", "购买 1 次"},
    {Text::curve_of_several, "{0} purchases, one in {1} days", "购买 {0} 次，约每 {1} 天一次"},
    {Text::log_odds_axis, "Contribution, log-odds", "贡献（对数几率）"},
    {Text::feature, "Feature", "特征"},
    {Text::mean_absolute, "Size", "大小"},
    {Text::mean_signed, "Direction", "方向"},
    {Text::measure, "Measure", "指标"},
    {Text::value, "Value", "数值"},
    {Text::cutoff, "Cut-off", "截止时点"},
    {Text::at_cutoff, "Cut-off {0}", "截止 {0}"},
    {Text::no_value, "–", "–"},
    {Text::potential, "Not yet a customer", "潜在客户"},
    {Text::first_time, "New (one purchase day)", "新客户（购买一天）"},
    {Text::repeat, "Repeat (2 to 4)", "重复购买（2 至 4 天）"},
    {Text::loyal, "Loyal (5 and more)", "忠诚（5 天及以上）"},
    {Text::lost, "Given up as lost", "已视为流失"},
    {Text::won_back, "Won back", "赢回"},
    {Text::after_complaint, "After a complaint or return", "投诉或退货之后"},
    {Text::no_rows, "nobody to judge", "没有可评客户"},
    {Text::nobody_left, "nobody left", "无人流失"},
    {Text::everybody_left, "everybody left", "全部流失"},
    {Text::few_left, "too few left", "流失人数过少"},
    {Text::few_stayed, "too few stayed", "留存人数过少"},
    {Text::flags, "Flags", "预警次数"},
    {Text::flags_value, "{0}, of {1} customers, in {2} days", "{2} 天内 {0} 次，涉及 {1} 位客户"},
    {Text::load, "Flags a day", "每日预警数"},
    {Text::load_value, "{0} on average, {1} on the busiest day", "平均 {0}，最忙一天 {1}"},
    {Text::precision, "Flagged who really left", "被预警者中确实流失"},
    {Text::recall, "Left who were flagged", "流失者中曾被预警"},
    {Text::fraction_value, "{0} ({1} of {2}; 95% interval {3})", "{0}（{2} 中 {1}；95% 置信区间 {3}）"},
    {Text::undecided, "Flags not judged yet", "尚无法判断的预警"},
    {Text::silence_at_flag, "Silence when flagged, days", "预警时的沉默天数"},
    {Text::lead, "Lead over the overdue purchase, days", "相对逾期购买的提前量（天）"},
    {Text::lead_value, "median {0}, half of them between {1} and {2}", "中位数 {0}，半数在 {1} 与 {2} 之间"},
    {Text::lead_unknown, "Flagged leavers without a usual gap", "无惯常间隔的被预警流失者"},
    {Text::before_overdue, "Flagged before it was overdue", "在逾期之前预警"},
    {Text::too_few, "too few to say", "数量太少"},
    {Text::arm_treatment, "Treatment arm", "行动组"},
    {Text::arm_control, "Control arm", "对照组"},
    {Text::treated, "Acted on", "已采取行动"},
    {Text::not_treated, "Not acted on", "未采取行动"},
    {Text::at_watch, "{0}, at watch or above", "{0}，风险达到关注等级"},
    {Text::difference_points, "Difference, % points", "差异（百分点）"},
    {Text::difference_value, "{0} {1}", "{0} {1}"},
    {Text::fact_model, "Model", "模型"},
    {Text::fact_horizon, "Horizon", "预测期限"},
    {Text::fact_horizon_value, "no purchase within {0} days", "{0} 天内没有购买"},
    {Text::fact_data, "Data", "数据"},
    {Text::fact_data_value, "{0} to {1}", "{0} 至 {1}"},
    {Text::fact_cutoffs, "Cut-offs", "截止时点"},
    {Text::fact_rows, "Judged", "受评"},
    {Text::fact_rows_value, "{0} rows of {1} customers, of which {2} left ({3})",
     "{1} 位客户的 {0} 个样本，其中 {2} 个流失（{3}）"},
    {Text::warn_few,
     "Too little to judge by ({0}): {1} left and {2} stayed, and at least {3} of each are needed. Take more customers, "
     "a "
     "longer held-out time or more cut-offs.",
     "数据太少（{0}）：{1} 个流失、{2} 个留存，而各至少需要 {3} 个。请增加客户、延长留出时间或增加截止时点。"},
    {Text::warn_wide, "The AUC is only known to lie within {0}. More customers would narrow it down.",
     "AUC 只知道在 {0} 之内。更多客户可以使其更精确。"},
    {Text::warn_not_better, "The model is not shown to rank better than “{0}” alone: the difference may be chance.",
     "尚不能说明模型的排序优于仅用“{0}”：差异可能只是偶然。"},
    {Text::warn_worse, "The model ranks worse than “{0}” alone. Do not use it for ranking.",
     "模型的排序不如仅用“{0}”。请勿用它排序。"},
    {Text::warn_level,
     "On average the model predicted {0}, but {1} left. The level has moved since it was fitted: fit it anew on later "
     "data, or choose alert levels by the table of reliability.",
     "模型平均预测 {0}，而实际流失 {1}。自拟合以来水平已有变化：请用更新的数据重新拟合，或依据可信度表选择预警等级。"},
    {Text::warn_calibration,
     "Probabilities are off by {0} percentage points on average, where chance alone would make about {1}. Trust the "
     "order "
     "more than the figures.",
     "概率平均偏差 {0} 个百分点，而仅偶然因素约为 {1}。排序比数值更可信。"},
    {Text::warn_drift,
     "The share that leaves moved from {0} to {1} between cut-offs. Figures of one season do not hold for another.",
     "不同截止时点的流失比例从 {0} 变到 {1}。一个季节的数字不适用于另一个季节。"},
    {Text::warn_one_cutoff, "There is one cut-off only: what is due to the season cannot be told from what lasts.",
     "只有一个截止时点：无法区分季节因素与长期规律。"},
    {Text::warn_overlap,
     "Cut-offs lie closer together than the horizon, so they share part of their outcomes. Intervals allow for "
     "customers that occur again, not for seasons that do.",
     "截止时点之间的距离小于预测期限，因此结果有部分重叠。置信区间考虑了重复出现的客户，但没有考虑重复的季节。"},
    {Text::warn_undecided,
     "Of {1} flags, {0} cannot be judged yet: less than a horizon of data lies behind them. They count "
     "among the flags, and in no share.",
     "{1} 次预警中有 {0} 次尚无法判断：其后的数据不足一个预测期限。它们计入预警次数，但不计入任何比例。"},
    {Text::warn_no_flags, "{0} customers left and none was flagged: alert levels are too high for this model.",
     "有 {0} 位客户流失而无一被预警：对这个模型来说预警等级过高。"},
    {Text::warn_no_control,
     "Customers were acted on, and there is no control arm: how many of them left beside the others says nothing of "
     "the effect, since they were chosen for it. Set alerts.control_share, and leave those customers alone.",
     "有客户被采取了行动，但没有对照组：与其他客户的流失比例相比不能说明效果，因为他们是被挑选出来的。请设置 "
     "alerts.control_share，并且不要打扰对照组的客户。"},
    {Text::warn_treated_control,
     "{0} rows of the control arm were acted on all the same: the difference between the arms is less than the effect.",
     "对照组中仍有 {0} 个样本被采取了行动：两组之间的差异小于实际效果。"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < text_count; ++i) {
    if (entries[i].key != static_cast<Text>(i) || entries[i].english.empty() || entries[i].chinese.empty())
      return false;
  }
  return true;
}
static_assert(in_order(), "a text is missing, or stands in the wrong place");

struct FeatureWords {
  std::string_view feature;
  std::string_view english;
  std::string_view chinese;
};

constexpr std::array feature_words{
    FeatureWords{"mbg_logit", "Purchase times (MBG/NBD)", "购买时间规律（MBG/NBD）"},
    FeatureWords{"days_since_purchase", "Days of silence", "沉默天数"},
    FeatureWords{"log_days_since_purchase", "Days of silence (log)", "沉默天数（对数）"},
    FeatureWords{"customer_age_days", "Days since the first purchase", "距首次购买天数"},
    FeatureWords{"repeat_purchases", "Repeat purchases", "重复购买次数"},
    FeatureWords{"log_repeat_purchases", "Repeat purchases (log)", "重复购买次数（对数）"},
    FeatureWords{"recency_ratio", "Silence over usual gap", "沉默相对惯常间隔"},
    FeatureWords{"gap_variation", "Irregularity of purchases", "购买的不规律程度"},
    FeatureWords{"purchases_30d", "Purchases, last weeks", "近几周购买"},
    FeatureWords{"purchases_90d", "Purchases, last months", "近几个月购买"},
    FeatureWords{"visits_30d", "Visits", "访问"},
    FeatureWords{"complaints_opened_60d", "Complaints opened", "提出的投诉"},
    FeatureWords{"complaints_resolved_60d", "Complaints resolved", "已解决的投诉"},
    FeatureWords{"complaints_withdrawn_60d", "Complaints withdrawn", "撤回的投诉"},
    FeatureWords{"returns_60d", "Returns", "退货"},
    FeatureWords{"open_complaints", "Open complaints", "未结投诉"},
    FeatureWords{"log_mean_spend", "Mean spend (log)", "平均消费（对数）"},
    FeatureWords{"missed_purchases", "Missed purchases", "缺失的购买"},
    FeatureWords{"log_days_since_seen", "Days since seen (log)", "距上次往来天数（对数）"},
    FeatureWords{"seen_since_purchase", "Seen since purchase", "购买后有往来"},
    FeatureWords{"log_activity", "Activity (log)", "活跃程度（对数）"},
    FeatureWords{"missed_events", "Missed activity", "缺失的往来"},
    FeatureWords{"purchase_history", "Purchase history", "购买历史"},
};
static_assert(feature_words.size() == features);

}  // namespace

std::optional<Language> language_named(std::string_view name) {
  if (name == "en") return Language::en;
  if (name == "zh") return Language::zh;
  return std::nullopt;
}

std::string_view text(Text text, Language language) {
  const Entry& entry = entries[static_cast<std::size_t>(text)];
  return language == Language::zh ? entry.chinese : entry.english;
}

std::string curve_text(const RiskCurve& curve, Language language) {
  if (curve.purchases == 1) return words(Text::curve_of_one, language);
  return words(Text::curve_of_several, language, curve.purchases, fmt::format("{:.0f}", curve.gap_days));
}

std::string_view feature_text(std::string_view feature, Language language) {
  const auto* const found = std::ranges::find(feature_words, feature, &FeatureWords::feature);
  if (found == feature_words.end()) return feature;
  return language == Language::zh ? found->chinese : found->english;
}

}  // namespace holdfast::app
