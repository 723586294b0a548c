#include "ingest/reason_words.hpp"

namespace holdfast::ingest {
namespace {

constexpr Quantity silence{.many = "已有{}天没有购买", .one = {}, .few = "距上次购买不到1天"};
constexpr Quantity usual_gap{
    .many = "；该客户平时每{}天购买一次", .one = "；该客户平时每天都会购买", .few = "；该客户平时每天都会购买"};
constexpr Quantity alike_silence{
    .many = "；同类客户距上次购买一般为{}天", .one = {}, .few = "；同类客户距上次购买一般不到1天"};
constexpr Phrase silence_lowers = "。在这里，未购买的时间越长，流失风险反而越低";

constexpr Quantity repeats{.many = "已回购{}次（同一天只计1次）", .one = {}, .few = "尚未回购"};
constexpr Quantity alike_repeats{.many = "；同类客户一般为{}次", .one = {}, .few = "；同类客户一般也尚未回购"};
constexpr Phrase repeats_raise = "。回购次数越多，流失风险越高";
constexpr Phrase repeats_lower = "。回购次数越多，流失风险越低";

constexpr Quantity usual_number{.many = "；该客户平时约{}次", .one = {}, .few = "；该客户平时几乎没有"};
constexpr Quantity alike_number{.many = "；同类客户一般约{}次", .one = {}, .few = "；同类客户一般几乎没有"};
constexpr Phrase purchases_raise = "。近期购买越多，流失风险越高";
constexpr Phrase purchases_lower = "。近期购买越多，流失风险越低";

constexpr std::array<CurrencyName, 6> currencies{{{.code = "CNY", .name = "元"},
                                                  {.code = "USD", .name = "美元"},
                                                  {.code = "EUR", .name = "欧元"},
                                                  {.code = "GBP", .name = "英镑"},
                                                  {.code = "JPY", .name = "日元"},
                                                  {.code = "HKD", .name = "港元"}}};

// A counter with a half-life of h days reads as what happens in h / ln 2 days: 43, 87 or 130.
constexpr std::array<Sentence, features> sentences{{
    {.feature = Feature::mbg_logit,
     .value = {},
     .usual = {},
     .alike = {},
     .raises = "从购买节奏来看，流失风险升高",
     .lowers = "从购买节奏来看，流失风险降低"},
    {.feature = Feature::days_since_purchase,
     .value = silence,
     .usual = usual_gap,
     .alike = alike_silence,
     .raises = {},
     .lowers = silence_lowers},
    {.feature = Feature::log_days_since_purchase,
     .value = silence,
     .usual = usual_gap,
     .alike = alike_silence,
     .raises = {},
     .lowers = silence_lowers},
    {.feature = Feature::customer_age_days,
     .value = {.many = "成为客户已有{}天", .one = {}, .few = "今天刚成为客户"},
     .usual = {},
     .alike = {.many = "；同类客户一般为{}天", .one = {}, .few = "；同类客户一般不到1天"},
     .raises = "。成为客户的时间越长，流失风险越高",
     .lowers = "。成为客户的时间越长，流失风险越低"},
    {.feature = Feature::repeat_purchases,
     .value = repeats,
     .usual = {},
     .alike = alike_repeats,
     .raises = repeats_raise,
     .lowers = repeats_lower},
    {.feature = Feature::log_repeat_purchases,
     .value = repeats,
     .usual = {},
     .alike = alike_repeats,
     .raises = repeats_raise,
     .lowers = repeats_lower},
    {.feature = Feature::recency_ratio,
     .value = {.many = "距上次购买的时间是该客户平时购买间隔的{}倍",
               .one = "距上次购买的时间与该客户平时的购买间隔相当",
               .few = "该客户刚刚购买过"},
     .usual = {},
     .alike = {.many = "；同类客户一般为{}倍",
               .one = "；同类客户一般与平时间隔相当",
               .few = "；同类客户一般刚刚购买过"},
     .raises = {},
     .lowers = silence_lowers},
    {.feature = Feature::gap_variation,
     .value = {.many = "购买间隔的波动约为{}%", .one = {}, .few = "购买间隔几乎没有波动"},
     .usual = {},
     .alike = {.many = "；同类客户一般约为{}%", .one = {}, .few = "；同类客户一般几乎没有波动"},
     .raises = "。购买越不规律，流失风险越高",
     .lowers = "。购买越不规律，流失风险越低"},
    {.feature = Feature::purchases_30d,
     .value = {.many = "最近六周购买约{}次", .one = {}, .few = "最近六周几乎没有购买"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = purchases_raise,
     .lowers = purchases_lower},
    {.feature = Feature::purchases_90d,
     .value = {.many = "最近四个月购买约{}次", .one = {}, .few = "最近四个月几乎没有购买"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = purchases_raise,
     .lowers = purchases_lower},
    {.feature = Feature::visits_30d,
     .value = {.many = "最近六周访问约{}次", .one = {}, .few = "最近六周几乎没有访问"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = "。近期访问越多，流失风险越高",
     .lowers = "。近期访问越多，流失风险越低"},
    {.feature = Feature::complaints_opened_60d,
     .value = {.many = "最近三个月投诉约{}次", .one = {}, .few = "最近三个月几乎没有投诉"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = "。近期投诉越多，流失风险越高",
     .lowers = "。近期投诉越多，流失风险越低"},
    {.feature = Feature::complaints_resolved_60d,
     .value = {.many = "最近三个月有约{}次投诉得到解决", .one = {}, .few = "最近三个月几乎没有投诉得到解决"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = "。近期得到解决的投诉越多，流失风险越高",
     .lowers = "。近期得到解决的投诉越多，流失风险越低"},
    {.feature = Feature::complaints_withdrawn_60d,
     .value = {.many = "最近三个月撤回投诉约{}次", .one = {}, .few = "最近三个月几乎没有撤回投诉"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = "。近期撤回的投诉越多，流失风险越高",
     .lowers = "。近期撤回的投诉越多，流失风险越低"},
    {.feature = Feature::returns_60d,
     .value = {.many = "最近三个月退货约{}次", .one = {}, .few = "最近三个月几乎没有退货"},
     .usual = usual_number,
     .alike = alike_number,
     .raises = "。近期退货越多，流失风险越高",
     .lowers = "。近期退货越多，流失风险越低"},
    {.feature = Feature::open_complaints,
     .value = {.many = "目前有{}起投诉尚未解决", .one = {}, .few = "目前没有未解决的投诉"},
     .usual = {},
     .alike = {.many = "；同类客户一般有{}起", .one = {}, .few = "；同类客户一般没有"},
     .raises = "。未解决的投诉越多，流失风险越高",
     .lowers = "。未解决的投诉越多，流失风险越低"},
    {.feature = Feature::log_mean_spend,
     .value = {.many = "平均每个购买日消费约{}", .one = {}, .few = {}},
     .usual = {},
     .alike = {.many = "；同类客户一般约{}", .one = {}, .few = {}},
     .raises = "。消费金额越高，流失风险越高",
     .lowers = "。消费金额越高，流失风险越低"},
    {.feature = Feature::purchase_history,
     .value = {.many = "至今共有{}天有购买记录", .one = {}, .few = {}},
     .usual = {},
     .alike = {.many = "；同类客户一般为{}天", .one = {}, .few = {}},
     .raises = "。这类客户比新客户更容易流失",
     .lowers = "。这类客户比新客户更不容易流失"},
}};
static_assert(is_complete(sentences));

}  // namespace

constexpr ReasonWords chinese{.code = "zh",
                              .stop = "。",
                              .this_raises = "。该客户的流失风险因此升高",
                              .this_lowers = "。该客户的流失风险因此降低",
                              .currencies = currencies,
                              .sentences = sentences};

}  // namespace holdfast::ingest
