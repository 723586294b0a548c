#include "ingest/decoder.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "domain/limits.hpp"
#include "tests/support/count_allocations.hpp"
#include "tests/support/memory_batch.hpp"

namespace holdfast::ingest {
namespace {

using ::testing::HasSubstr;
using testing::MemoryBatch;

SourceFormat format_of(EventKind kind) {
  return {.name = "source",
          .topic = "topic",
          .kind = kind,
          .fields = {},
          .time_format = TimeFormat::any,
          .defaults = {},
          .max_ahead = Duration{3'600'000}};
}

/// One record decoded, and all that its event points into.
class Decoded {
 public:
  Decoded(const SourceFormat& format, std::string value, std::optional<std::string> key = "c",
          Timestamp logged = Timestamp{-1}) {
    Decoder decoder(format, Partition{0}, Partitioner::none, 1);
    std::vector<MemoryBatch::Given> given;
    given.push_back({std::move(key), std::move(value), logged, {}});
    decoder.decode(MemoryBatch(std::move(given)), batch_);
  }
  const Event* operator->() const { return &batch_.events.at(0); }
  /// "ok", or the code of the rejection.
  [[nodiscard]] std::string outcome() const {
    const Rejection* const rejection = batch_.events.at(0).rejection;
    return rejection == nullptr ? "ok" : std::string(code_name(rejection->code));
  }
  [[nodiscard]] std::string message() const {
    const Rejection* const rejection = batch_.events.at(0).rejection;
    return rejection == nullptr ? "" : rejection->message;
  }

 private:
  EventBatch batch_;
};

std::string outcome_of(EventKind kind, std::string value) {
  return Decoded(format_of(kind), std::move(value)).outcome();
}
std::string purchase_outcome(std::string value) { return outcome_of(EventKind::purchase, std::move(value)); }
std::string visit_outcome(std::string value) { return outcome_of(EventKind::visit, std::move(value)); }

TEST(Decoder, ReadsEveryFieldOfAPurchase) {
  const Decoded event(format_of(EventKind::purchase),
                      R"({"customer_id":"c","time":"2011-09-30T10:15:00Z","event_id":"e-1","amount":12.5,)"
                      R"("currency":"GBP","channel":"web","order_id":7,"unknown":{"deep":[1,2,{"x":null}]}})",
                      "c", Timestamp{1'317'377'700'001});
  ASSERT_EQ(event.outcome(), "ok") << event.message();
  EXPECT_EQ(event->time.ms, 1'317'377'700'000);
  EXPECT_EQ(event->logged_at.ms, 1'317'377'700'001);
  EXPECT_EQ(event->customer.id, "c");
  EXPECT_EQ(event->customer.hash, make_customer_key("c").hash);
  EXPECT_EQ(event->event_id, "e-1");
  EXPECT_TRUE(event->has_amount);
  EXPECT_EQ(event->amount, 12.5);
  EXPECT_EQ(event->currency.text(), "GBP");
  EXPECT_EQ(event->kind, EventKind::purchase);
}

TEST(Decoder, ANullIsOneWhateverTheRecordBeforeItLeftInMemory) {
  Decoder decoder(format_of(EventKind::visit), Partition{0}, Partitioner::none, 1, KeyRule::from_event);
  std::vector<MemoryBatch::Given> given;
  for (const char* value : {"[1,2,3,4,5,6]", "null\n", " null"}) given.push_back({{}, value, Timestamp{-1}, {}});
  for (const std::string scalar : {"true", "7.5", "\"text\""})
    given.push_back({{}, scalar + std::string(2000, '\n'), Timestamp{-1}, {}});
  EventBatch out;
  decoder.decode(MemoryBatch(std::move(given)), out);
  for (const Event& event : out.events) {
    ASSERT_NE(event.rejection, nullptr);
    EXPECT_EQ(event.rejection->code, RejectionCode::wrong_type) << event.rejection->value;
  }
}

TEST(Decoder, WhatIsSaidOfARecordDoesNotHangOnTheOneBefore) {
  const std::string value = R"({"severity"}-3.25})";
  Decoder decoder(format_of(EventKind::visit), Partition{0}, Partitioner::none, 1);
  std::vector<MemoryBatch::Given> given;
  given.push_back({"c", R"({"a":[1,2],"bb":  }}}}}}}}})", Timestamp{-1}, {}});
  given.push_back({"c", value, Timestamp{-1}, {}});
  EventBatch out;
  decoder.decode(MemoryBatch(std::move(given)), out);
  ASSERT_NE(out.events[1].rejection, nullptr);
  EXPECT_EQ(out.events[1].rejection->message, Decoded(format_of(EventKind::visit), value).message());
}

TEST(Decoder, WhatItQuotesIsCutBetweenCharacters) {
  std::string euros;
  for (int i = 0; i < 30; ++i) euros += "€";
  const auto message_of = [](const std::string& currency) {
    return Decoded(format_of(EventKind::purchase),
                   R"({"customer_id":"c","time":0,"amount":1,"currency":")" + currency + "\"}")
        .message();
  };
  EXPECT_THAT(message_of(euros), HasSubstr("'" + euros.substr(0, 60) + "…'"));
  EXPECT_THAT(message_of("x" + euros), HasSubstr("'x" + euros.substr(0, 57) + "…'"));
  EXPECT_THAT(message_of("xy" + euros), HasSubstr("'xy" + euros.substr(0, 57) + "…'"));
}

TEST(Decoder, ReadsComplaints) {
  const std::pair<const char*, ComplaintStatus> statuses[] = {{"opened", ComplaintStatus::opened},
                                                              {"acknowledged", ComplaintStatus::acknowledged},
                                                              {"resolved", ComplaintStatus::resolved},
                                                              {"reopened", ComplaintStatus::reopened},
                                                              {"withdrawn", ComplaintStatus::withdrawn}};
  for (const auto& [name, status] : statuses) {
    const Decoded event(format_of(EventKind::complaint),
                        std::string(R"({"customer_id":"c","time":0,"severity":5,"status":")") + name + "\"}");
    ASSERT_EQ(event.outcome(), "ok") << event.message();
    EXPECT_EQ(event->status, status);
    EXPECT_FALSE(event->is_return);
  }
  const Decoded plain(format_of(EventKind::complaint), R"({"customer_id":"c","time":0,"category":"return"})");
  EXPECT_EQ(plain->status, ComplaintStatus::opened);
  EXPECT_TRUE(plain->is_return);
}

TEST(Decoder, TakesIdsThatAreIntegers) {
  for (const std::string id : {"0", "-1", "17850", "9223372036854775807", "-9223372036854775808"}) {
    const Decoded event(format_of(EventKind::visit), R"({"customer_id":)" + id + R"(,"time":0,"event_id":)" + id + "}",
                        id);
    ASSERT_EQ(event.outcome(), "ok") << event.message();
    EXPECT_EQ(event->customer.id, id);
    EXPECT_EQ(event->event_id, id);
  }
  for (const std::string id : {"1.5", "1e3", "9223372036854775808", "1.0"}) {
    EXPECT_EQ(Decoded(format_of(EventKind::visit), R"({"customer_id":)" + id + R"(,"time":0})", id).outcome(),
              "wrong_type")
        << id;
    EXPECT_EQ(visit_outcome(R"({"customer_id":"c","time":0,"event_id":)" + id + "}"), "wrong_type") << id;
  }
}

TEST(Decoder, ReadsEscapesAndUnicode) {
  const Decoded event(format_of(EventKind::visit),
                      R"({"customer_id":"J\u00fcrgen \"\\\ud83d\ude00 é","time":0,"event_id":"\u20ac/\/"})",
                      "Jürgen \"\\😀 é");
  ASSERT_EQ(event.outcome(), "ok") << event.message();
  EXPECT_EQ(event->customer.id, "Jürgen \"\\😀 é");
  EXPECT_EQ(event->event_id, "€//");
}

TEST(Decoder, FieldsAreFoundWhereTheMappingSays) {
  SourceFormat format = format_of(EventKind::purchase);
  format.fields = {{"customer_id", "/customer/id"},
                   {"time", "/meta/0/at"},
                   {"event_id", "/id"},
                   {"amount", "/total/a~1b~0c"},
                   {"currency", "/total/unit"}};
  format.time_format = TimeFormat::rfc3339;
  const Decoded event(format,
                      R"({"id":"the-event","customer_id":"not this","total":{"a/b~c":3,"unit":"EUR"},)"
                      R"("meta":[{"at":"1970-01-01T00:00:01Z"}],"customer":{"id":"the-customer"}})",
                      "the-customer");
  ASSERT_EQ(event.outcome(), "ok") << event.message();
  // Several texts from several places: none may overwrite another.
  EXPECT_EQ(event->customer.id, "the-customer");
  EXPECT_EQ(event->event_id, "the-event");
  EXPECT_EQ(event->currency.text(), "EUR");
  EXPECT_EQ(event->amount, 3);
  EXPECT_EQ(event->time.ms, 1000);
}

TEST(Decoder, TwoFieldsMayBeMappedToOneText) {
  SourceFormat format = format_of(EventKind::visit);
  for (const char* const pointer : {"/a/id", "/id"}) {
    format.fields = {{"customer_id", pointer}, {"event_id", pointer}};
    const std::string id(limits::customer_id_bytes_max, 'c');
    const Decoded event(format, R"({"time":0,"id":")" + id + R"(","a":{"id":")" + id + R"("}})", id);
    ASSERT_EQ(event.outcome(), "ok") << event.message();
    EXPECT_EQ(event->customer.id, id);
    EXPECT_EQ(event->event_id, id);
  }
}

TEST(Decoder, TopLevelNamesWithEscapedCharactersAreFound) {
  SourceFormat format = format_of(EventKind::visit);
  format.fields = {{"customer_id", "/a~1b"}, {"time", "/~0t"}};
  const Decoded event(format, R"({"~t":5,"a/b":"c"})");
  ASSERT_EQ(event.outcome(), "ok") << event.message();
  EXPECT_EQ(event->time.ms, 5);
}

TEST(Decoder, DefaultsStandInForWhatIsAbsentOrNull) {
  SourceFormat format = format_of(EventKind::purchase);
  format.defaults = {{"currency", "EUR"}, {"amount", "9.5"}};
  const Decoded absent(format, R"({"customer_id":"c","time":0})");
  EXPECT_EQ(absent->currency.text(), "EUR");
  EXPECT_EQ(absent->amount, 9.5);
  const Decoded null(format, R"({"customer_id":"c","time":0,"amount":null,"currency":null})");
  EXPECT_EQ(null->amount, 9.5);
  const Decoded given(format, R"({"customer_id":"c","time":0,"amount":1,"currency":"USD"})");
  EXPECT_EQ(given->currency.text(), "USD");
  EXPECT_EQ(given->amount, 1);
}

TEST(Decoder, OfRepeatedMembersTheFirstCounts) {
  const Decoded event(format_of(EventKind::purchase),
                      R"({"customer_id":"c","customer_id":"d","time":1,"time":2,"amount":3,"amount":"x"})");
  ASSERT_EQ(event.outcome(), "ok") << event.message();
  EXPECT_EQ(event->customer.id, "c");
  EXPECT_EQ(event->time.ms, 1);
  EXPECT_EQ(event->amount, 3);
}

TEST(Decoder, ReadsTimesInTheFormatsThatASourceSays) {
  const auto time_of = [](TimeFormat time_format, const std::string& time) {
    SourceFormat format = format_of(EventKind::visit);
    format.time_format = time_format;
    const Decoded event(format, R"({"customer_id":"c","time":)" + time + "}");
    return event.outcome() == "ok" ? std::to_string(event->time.ms) : event.outcome();
  };
  EXPECT_EQ(time_of(TimeFormat::any, "1317377700000"), "1317377700000");
  EXPECT_EQ(time_of(TimeFormat::any, R"("2011-09-30T12:15:00+02:00")"), "1317377700000");
  EXPECT_EQ(time_of(TimeFormat::rfc3339, "1317377700000"), "wrong_type");
  EXPECT_EQ(time_of(TimeFormat::epoch_ms, R"("2011-09-30T10:15:00Z")"), "wrong_type");
  EXPECT_EQ(time_of(TimeFormat::epoch_ms, "1317377700000.9"), "1317377700000");
  EXPECT_EQ(time_of(TimeFormat::epoch_ms, "-1"), "-1");
  EXPECT_EQ(time_of(TimeFormat::epoch_ms, "1.5e3"), "1500");
  EXPECT_EQ(time_of(TimeFormat::epoch_s, "1317377700"), "1317377700000");
  EXPECT_EQ(time_of(TimeFormat::epoch_s, "1317377700.5"), "1317377700500");
  EXPECT_EQ(time_of(TimeFormat::epoch_s, "-0.0005"), "-1");
  EXPECT_EQ(time_of(TimeFormat::epoch_s, "1317377700000"), "bad_time") << "milliseconds taken for seconds";
  EXPECT_EQ(time_of(TimeFormat::any, "1e300"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, "253402300799999"), "253402300799999");
  EXPECT_EQ(time_of(TimeFormat::any, "253402300800000"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, "-62135596800001"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, R"("0000-06-01T00:00:00Z")"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, R"("2011-02-30T00:00:00Z")"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, R"("")"), "bad_time");
  EXPECT_EQ(time_of(TimeFormat::any, "true"), "wrong_type");
  EXPECT_EQ(time_of(TimeFormat::any, "null"), "missing_field");
}

TEST(Decoder, WhatIsNoJsonIsMalformed) {
  for (const std::string value : {"",
                                  " ",
                                  "{",
                                  "}",
                                  R"({"customer_id":"c","time":0,"amount":1)",
                                  R"({"customer_id":"c" "time":0})",
                                  R"({"customer_id":"c","time":0,"amount":1}})",
                                  R"({"customer_id":"c","time":0,"amount":1} x)",
                                  R"({"customer_id":"c","time":0,"amount":1}{"customer_id":"d"})",
                                  R"({"customer_id":"c","time":0,"amount":1,})",
                                  R"({'customer_id':'c','time':0,'amount':1})",
                                  R"({"customer_id":"c","time":0,"amount":01})",
                                  R"({"customer_id":"c","time":0,"amount":+1})",
                                  R"({"customer_id":"c","time":0,"amount":.5})",
                                  R"({"customer_id":"c","time":0,"amount":NaN})",
                                  R"({"customer_id":"c","time":0,"amount":1,"x":tru})",
                                  R"({"customer_id":"c","time":0,"amount":1,"x":[1,2})",
                                  R"({"customer_id":"c","time":0,"amount":1,"x":"\q"})",
                                  R"({"customer_id":"c","time":0,"amount":1,"x":"\ud800"})",
                                  "{\"customer_id\":\"c\",\"time\":0,\"amount\":1,\"x\":\"a\nb\"}",
                                  "{\"customer_id\":\"c\",\"time\":0,\"amount\":1,\"x\":\"\xff\"}",
                                  "purchase of 5 pounds",
                                  "[1,2",
                                  "\"open",
                                  "\xef\xbb\xbf",
                                  "nul",
                                  "nxll",
                                  "nullx",
                                  "nullx\n",
                                  R"({"customer_id":nxll,"time":0})",
                                  R"({"x":[nulll]})",
                                  R"({"x":truth})"})
    EXPECT_EQ(purchase_outcome(value), "malformed_json") << value;
  EXPECT_EQ(purchase_outcome(R"({"x":)" + std::string(3000, '[') + std::string(3000, ']') + "}"), "malformed_json")
      << "too deep";
}

TEST(Decoder, WhatIsJsonButNoObjectIsOfTheWrongType) {
  for (const std::string value : {"[]", R"([{"customer_id":"c"}])", "1", "-1.5e3", "\"text\"", "true", "false", "null"})
    EXPECT_EQ(purchase_outcome(value), "wrong_type") << value;
}

TEST(Decoder, WhatIsMissingIsNamed) {
  EXPECT_EQ(purchase_outcome("{}"), "missing_field");
  EXPECT_EQ(purchase_outcome(R"({"customer_id":"c","amount":1})"), "missing_field");
  EXPECT_EQ(purchase_outcome(R"({"time":0,"amount":1})"), "missing_field");
  EXPECT_EQ(purchase_outcome(R"({"customer_id":null,"time":0,"amount":1})"), "missing_field");
  const Decoded no_amount(format_of(EventKind::purchase), R"({"customer_id":"c","time":0})");
  EXPECT_EQ(no_amount.outcome(), "missing_field");
  EXPECT_THAT(no_amount.message(), HasSubstr("/amount: the field is missing"));
  EXPECT_EQ(visit_outcome(R"({"customer_id":"c","time":0})"), "ok") << "an amount is for purchases";
}

std::string action_outcome(const std::string& action) {
  return outcome_of(EventKind::action, R"({"customer_id":"c","time":0,"action":)" + action + "}");
}

TEST(Decoder, ActionsSayWhetherTheyErase) {
  const Decoded erase(format_of(EventKind::action),
                      R"({"customer_id":"c","time":5,"event_id":1,"action":"erase","reference":{"any":[1]}})");
  ASSERT_EQ(erase.outcome(), "ok") << erase.message();
  EXPECT_EQ(erase->kind, EventKind::action);
  EXPECT_TRUE(erase->erases);
  EXPECT_EQ(erase->event_id, "1");
  const std::string longest(64, 'x');
  for (const std::string& other : std::vector<std::string>{"call", "erased", "erase_later", "Löschung", longest}) {
    const Decoded event(format_of(EventKind::action), R"({"customer_id":"c","time":5,"action":")" + other + R"("})");
    EXPECT_EQ(event.outcome(), "ok") << other << event.message();
    EXPECT_FALSE(event->erases) << other;
    EXPECT_EQ(event->action, other);
  }
  SourceFormat mapped = format_of(EventKind::action);
  mapped.fields = {{"action", "/request/type"}};
  const Decoded nested(mapped, R"({"customer_id":"c","time":5,"request":{"type":"erase"},"action":7})");
  ASSERT_EQ(nested.outcome(), "ok") << nested.message();
  EXPECT_TRUE(nested->erases);
  EXPECT_EQ(nested->action, "erase");
  SourceFormat requests = format_of(EventKind::action);
  requests.defaults = {{"action", "erase"}};
  const Decoded by_default(requests, R"({"customer_id":"c","time":5})");
  EXPECT_TRUE(by_default->erases);
  EXPECT_EQ(by_default->action, "erase") << "it outlives the decoder";
  EXPECT_FALSE(Decoded(requests, R"({"customer_id":"c","time":5,"action":"call"})")->erases);
  const Decoded visit(format_of(EventKind::visit), R"({"customer_id":"c","time":5,"action":"erase"})");
  EXPECT_FALSE(visit->erases);
  EXPECT_EQ(visit->action, "");
  // Wherever texts are mapped to, there is room for them.
  SourceFormat same = format_of(EventKind::action);
  same.fields = {{"action", "/customer_id"}, {"event_id", "/customer_id"}};
  const Decoded thrice(same, R"({"customer_id":")" + longest + R"(","time":5})", longest);
  ASSERT_EQ(thrice.outcome(), "ok") << thrice.message();
  EXPECT_EQ(thrice->action, longest);
  EXPECT_EQ(thrice->event_id, longest);
}

TEST(Decoder, WhatIsNoActionIsNamed) {
  EXPECT_EQ(outcome_of(EventKind::action, R"({"customer_id":"c","time":0})"), "missing_field");
  for (const std::string none : {"1", "true", "[\"erase\"]", "{}"})
    EXPECT_EQ(action_outcome(none), "wrong_type") << none;
  EXPECT_EQ(action_outcome("null"), "missing_field");
  EXPECT_EQ(action_outcome("\"\""), "bad_value");
  EXPECT_EQ(action_outcome("\"  \""), "bad_value");
  EXPECT_EQ(action_outcome('"' + std::string(65, 'x') + '"'), "bad_value");
  const Decoded lacks(format_of(EventKind::action), R"({"customer_id":"c","time":0})");
  EXPECT_THAT(lacks.message(), HasSubstr("/action: the field is missing; every action needs it"));
}

// Counted as some other action, they would leave the customer where it is, and nobody would know.
TEST(Decoder, WhatWasMeantToEraseIsNotTakenForAnotherAction) {
  for (const std::string meant : {"ERASE", "Erase", " erase", "erase ", "erase\\n"}) {
    const Decoded event(format_of(EventKind::action), R"({"customer_id":"c","time":0,"action":")" + meant + R"("})");
    EXPECT_EQ(event.outcome(), "bad_value") << meant;
    EXPECT_THAT(event.message(), HasSubstr("erases nobody; send erase in small letters")) << meant;
  }
}

TEST(Decoder, WrongTypesAreNamed) {
  for (const std::string value :
       {R"({"customer_id":["c"],"time":0,"amount":1})", R"({"customer_id":true,"time":0,"amount":1})",
        R"({"customer_id":"c","time":{},"amount":1})", R"({"customer_id":"c","time":0,"amount":"1"})",
        R"({"customer_id":"c","time":0,"amount":false})", R"({"customer_id":"c","time":0,"amount":1,"currency":7})",
        R"({"customer_id":"c","time":0,"amount":1,"event_id":true})"})
    EXPECT_EQ(purchase_outcome(value), "wrong_type") << value;
  EXPECT_EQ(outcome_of(EventKind::complaint, R"({"customer_id":"c","time":0,"status":1})"), "wrong_type");
  EXPECT_EQ(outcome_of(EventKind::complaint, R"({"customer_id":"c","time":0,"severity":"high"})"), "wrong_type");
}

TEST(Decoder, ValuesOutOfRangeAreNamed) {
  for (const std::string value :
       {R"({"customer_id":"c","time":0,"amount":-0.01})", R"({"customer_id":"c","time":0,"amount":1,"currency":"gbp"})",
        R"({"customer_id":"c","time":0,"amount":1,"currency":"POUND"})",
        R"({"customer_id":"c","time":0,"amount":1,"currency":""})"})
    EXPECT_EQ(purchase_outcome(value), "bad_value") << value;
  for (const std::string severity : {"0", "6", "2.5", "-1", "1e9"})
    EXPECT_EQ(outcome_of(EventKind::complaint, R"({"customer_id":"c","time":0,"severity":)" + severity + "}"),
              "bad_value");
  EXPECT_EQ(outcome_of(EventKind::complaint, R"({"customer_id":"c","time":0,"status":"Opened"})"), "bad_value");
  EXPECT_EQ(visit_outcome(R"({"customer_id":"","time":0})"), "bad_value");
  EXPECT_EQ(visit_outcome(R"({"customer_id":"a\u0000b","time":0})"), "bad_value");
  EXPECT_EQ(visit_outcome(R"({"customer_id":"a\nb","time":0})"), "bad_value");
  EXPECT_EQ(visit_outcome(R"({"customer_id":")" + std::string(256, 'x') + R"(","time":0})"), "bad_value");
  EXPECT_EQ(visit_outcome(R"({"customer_id":"c","time":0,"event_id":")" + std::string(256, 'x') + R"("})"),
            "bad_value");
  const std::string longest(255, 'x');
  EXPECT_EQ(Decoded(format_of(EventKind::visit),
                    R"({"customer_id":")" + longest + R"(","time":0,"event_id":")" + longest + R"("})", longest)
                .outcome(),
            "ok");
}

TEST(Decoder, KeysMustBeTheCustomersId) {
  const SourceFormat format = format_of(EventKind::visit);
  const std::string value = R"({"customer_id":"c","time":0})";
  EXPECT_EQ(Decoded(format, value, std::nullopt).outcome(), "missing_key");
  EXPECT_EQ(Decoded(format, value, "").outcome(), "missing_key");
  EXPECT_EQ(Decoded(format, value, "d").outcome(), "key_mismatch");
  EXPECT_EQ(Decoded(format, value, "C").outcome(), "key_mismatch");
  EXPECT_EQ(Decoded(format, value, std::string(256, 'c')).outcome(), "too_large");
}

TEST(Decoder, RecordsOfFilesHaveNoKeys) {
  Decoder decoder(format_of(EventKind::visit), Partition{0}, Partitioner::murmur2, 4, KeyRule::from_event);
  EventBatch out;
  std::vector<MemoryBatch::Given> given;
  given.push_back({std::nullopt, R"({"customer_id":"c","time":0})", Timestamp{-1}, {}});
  decoder.decode(MemoryBatch(std::move(given)), out);
  EXPECT_EQ(out.events[0].rejection, nullptr);
  EXPECT_FALSE(out.events[0].misplaced);
}

TEST(Decoder, TimesAheadOfTheLogAreRefusedAndLateOnesTaken) {
  const SourceFormat format = format_of(EventKind::visit);
  const auto outcome = [&](std::int64_t time, std::int64_t logged) {
    return Decoded(format, R"({"customer_id":"c","time":)" + std::to_string(time) + "}", "c", Timestamp{logged})
        .outcome();
  };
  EXPECT_EQ(outcome(1'000'000'000 + 3'600'000, 1'000'000'000), "ok");
  EXPECT_EQ(outcome(1'000'000'000 + 3'600'001, 1'000'000'000), "too_far_ahead");
  EXPECT_EQ(outcome(0, 1'000'000'000), "ok");
  EXPECT_EQ(outcome(9'000'000'000'000, -1), "ok") << "a log without times cannot tell";
}

TEST(Decoder, WhatIsTooLargeIsNotRead) {
  const std::string fits = R"({"customer_id":"c","time":0,"x":")";
  const std::string most = fits + std::string(limits::event_bytes_max - fits.size() - 2, 'x') + "\"}";
  EXPECT_EQ(visit_outcome(most), "ok");
  EXPECT_EQ(visit_outcome(most + " "), "too_large");
}

// One record can be wrong in many ways; which one is named does not depend on the order of its members.
TEST(Decoder, TheGravestFaultIsNamed) {
  const SourceFormat format = format_of(EventKind::purchase);
  const auto outcome = [&](const std::string& value, std::optional<std::string> key) {
    return Decoded(format, value, std::move(key), Timestamp{0}).outcome();
  };
  const std::string all_wrong = R"("time":"never","currency":"?","customer_id":7.5,"amount":-1)";
  EXPECT_EQ(outcome("{" + all_wrong + "} x", std::nullopt), "missing_key");
  EXPECT_EQ(outcome("{" + all_wrong + "} x", "c"), "malformed_json");
  EXPECT_EQ(outcome("{" + all_wrong + "}", "c"), "wrong_type");
  EXPECT_EQ(outcome(R"({"time":"never","currency":"?","amount":-1})", "c"), "missing_field");
  EXPECT_EQ(outcome(R"({"time":"never","currency":"?","amount":-1,"customer_id":"d"})", "c"), "bad_time");
  EXPECT_EQ(outcome(R"({"time":90000000,"currency":"?","amount":-1,"customer_id":"d"})", "c"), "bad_value");
  EXPECT_EQ(outcome(R"({"time":90000000,"amount":1,"customer_id":"d"})", "c"), "key_mismatch");
  EXPECT_EQ(outcome(R"({"time":90000000,"amount":1,"customer_id":"c"})", "c"), "too_far_ahead");
}

TEST(Decoder, RejectionsCarryTheirRecordUntouched) {
  Decoder decoder(format_of(EventKind::visit), Partition{0}, Partitioner::none, 1);
  EventBatch out;
  std::vector<MemoryBatch::Given> given;
  given.push_back({"c", R"({"customer_id":"c","time":0})", Timestamp{5}, {}});
  given.push_back(
      {"k\xff", std::string("\x00 rubbish \xfe", 11), Timestamp{6}, {{"h", "\x01", true}, {"null", "", false}}});
  given.push_back({std::nullopt, std::nullopt, Timestamp{-1}, {}});
  decoder.decode(MemoryBatch(std::move(given), Offset{40}), out);
  ASSERT_EQ(out.events.size(), 3U);
  EXPECT_EQ(out.events[0].rejection, nullptr);
  const Rejection& rejection = *out.events[1].rejection;
  EXPECT_EQ(rejection.offset, Offset{41});
  EXPECT_EQ(rejection.timestamp, Timestamp{6});
  EXPECT_EQ(rejection.key, "k\xff");
  EXPECT_EQ(rejection.value, std::string("\x00 rubbish \xfe", 11));
  ASSERT_EQ(rejection.headers.size(), 2U);
  EXPECT_FALSE(rejection.headers[1].has_value);
  EXPECT_FALSE(out.events[2].rejection->has_key);
  EXPECT_FALSE(out.events[2].rejection->has_value);
  EXPECT_EQ(out.events[2].offset, Offset{42});
}

TEST(Decoder, ATombstoneIsNoEvent) {
  Decoder decoder(format_of(EventKind::visit), Partition{0}, Partitioner::none, 1);
  EventBatch out;
  std::vector<MemoryBatch::Given> given;
  given.push_back({"c", std::nullopt, Timestamp{5}, {}});
  decoder.decode(MemoryBatch(std::move(given)), out);
  EXPECT_EQ(out.events[0].rejection->code, RejectionCode::malformed_json);
}

TEST(Decoder, SeesKeysInThePartitionOfAnother) {
  const auto misplaced = [](Partitioner partitioner, Partition partition) {
    Decoder decoder(format_of(EventKind::visit), partition, partitioner, 4);
    EventBatch out;
    std::vector<MemoryBatch::Given> given;
    given.push_back({"abc", R"({"customer_id":"abc","time":0})", Timestamp{5}, {}});
    decoder.decode(MemoryBatch(std::move(given)), out);
    return out.events[0].misplaced;
  };
  constexpr std::int32_t home = (479470107 & 0x7fffffff) % 4;
  EXPECT_FALSE(misplaced(Partitioner::murmur2, {home}));
  EXPECT_TRUE(misplaced(Partitioner::murmur2, {(home + 1) % 4}));
  EXPECT_FALSE(misplaced(Partitioner::none, {(home + 1) % 4}));
}

// ---------------------------------------------------------------------------------------------------------------------

/// What nlohmann's parser, a simple one, makes of the value.
std::string simple_outcome(const std::string& value) {
  const auto json = nlohmann::json::parse(value, nullptr, false);
  if (json.is_discarded()) return "malformed_json";
  if (!json.is_object()) return "wrong_type";
  return "object";
}

// Damaged events are never a crash, and never taken for something that they do not say.
TEST(Decoder, AgreesWithASimpleParserOnDamagedEvents) {
  const std::vector<std::string> whole{
      R"({"customer_id":"c","time":"2011-09-30T10:15:00Z","event_id":"e-1","amount":12.5,"currency":"GBP","x":[1,{"y":null}]})",
      R"({"customer_id":123,"time":1317377700000,"amount":1e2,"tags":{"a":"\u00e9\n","b":[true,false,-0.5e-3]}})"};
  SourceFormat nested = format_of(EventKind::purchase);
  nested.fields = {{"currency", "/x/1/y"}};
  EXPECT_TRUE(rc::check("flips, cuts, repeats", [&] {
    std::string value = *rc::gen::elementOf(whole);
    const int edits = *rc::gen::inRange(1, 4);
    for (int i = 0; i < edits && !value.empty(); ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, value.size());
      switch (*rc::gen::inRange(0, 4)) {
        case 0: value[at] ^= static_cast<char>(1 << *rc::gen::inRange(0, 8)); break;
        case 1: value.resize(at); break;
        case 2: value.insert(at, value.substr(*rc::gen::inRange<std::size_t>(0, value.size()), 7)); break;
        default: value.erase(at, 1); break;
      }
    }
    for (const auto& format : {format_of(EventKind::purchase), nested}) {
      const Decoded event(format, value, "c", Timestamp{1'400'000'000'000});
      const std::string simple = simple_outcome(value);
      if (simple != "object") {
        RC_ASSERT(event.outcome() == simple);
      } else if (event.outcome() == "ok") {
        // What is taken is what stands there.
        RC_ASSERT(event->customer.id == "c");
        RC_ASSERT(std::isfinite(event->amount) && event->amount >= 0);
      } else {
        RC_ASSERT(!event.message().empty());
      }
    }
  }));
}

TEST(Decoder, AllocatesNothingInTheLongRun) {
  SourceFormat format = format_of(EventKind::purchase);
  format.fields = {{"currency", "/total/currency"}};
  Decoder decoder(format, Partition{0}, Partitioner::murmur2, 4);
  std::vector<MemoryBatch::Given> given;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = "customer-" + std::to_string(i);
    given.push_back({id,
                     R"({"customer_id":")" + id +
                         R"(","time":"2011-09-30T10:15:00Z","event_id":"an-event-id-of-36-bytes-)" + std::to_string(i) +
                         R"(","amount":12.5,"total":{"currency":"GBP"},"page":"/a/b?c=\u00e9"})",
                     Timestamp{-1},
                     {}});
  }
  const MemoryBatch batch(std::move(given));
  EventBatch out;
  decoder.decode(batch, out);
  decoder.decode(batch, out);
  const std::size_t before = testing::allocations;
  decoder.decode(batch, out);
  EXPECT_EQ(testing::allocations - before, 0U);
  EXPECT_EQ(out.events.size(), 1000U);
  for (const Event& event : out.events) ASSERT_EQ(event.rejection, nullptr) << event.rejection->message;
}

}  // namespace
}  // namespace holdfast::ingest
