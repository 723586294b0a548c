#include "ingest/csv.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

SourceFormat purchases() {
  return {.name = "shop",
          .topic = "topic",
          .kind = EventKind::purchase,
          .fields = {{"customer_id", "/Customer ID"}, {"time", "/ts"}, {"event_id", "/a~1b"}},
          .time_format = TimeFormat::any,
          .defaults = {},
          .max_ahead = Duration{0}};
}

std::string quoted(const std::string& cell) {
  std::string out = "\"";
  for (const char c : cell) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

TEST(Csv, SplitsAsTheStandardSays) {
  EXPECT_THAT(split_csv("a,b,c"), Optional(ElementsAre("a", "b", "c")));
  EXPECT_THAT(split_csv(""), Optional(ElementsAre("")));
  EXPECT_THAT(split_csv(","), Optional(ElementsAre("", "")));
  EXPECT_THAT(split_csv("a,,"), Optional(ElementsAre("a", "", "")));
  EXPECT_THAT(split_csv(R"("a,b","say ""hi""","")"), Optional(ElementsAre("a,b", "say \"hi\"", "")));
  EXPECT_THAT(split_csv("\"two\nlines\",x"), Optional(ElementsAre("two\nlines", "x")));
  EXPECT_THAT(split_csv(" a , b "), Optional(ElementsAre(" a ", " b ")));
  EXPECT_THAT(split_csv(R"(12" RECORD,x)"), Optional(ElementsAre("12\" RECORD", "x")));
}

TEST(Csv, QuotesThatDoNotCloseOrCloseEarlyAreNoCsv) {
  for (const std::string_view bad : {R"("a)", R"(a,"b)", R"("a"b,c)", R"("a" ,b)", R"(")", R"(""")"})
    EXPECT_EQ(split_csv(bad), std::nullopt) << bad;
}

TEST(Csv, ARecordGoesOnWhileAQuoteIsOpen) {
  const auto open = [](std::string_view text) {
    CsvQuotes quotes;
    quotes.read(text);
    return quotes.open();
  };
  EXPECT_TRUE(open(R"(a,"b)"));
  EXPECT_TRUE(open(R"(a,"b"",c)"));
  EXPECT_FALSE(open(R"(a,"b""",c)"));
  EXPECT_FALSE(open(R"(a,"b",c)"));
  EXPECT_FALSE(open(R"(12" RECORD,x)")) << "a quote within a plain cell is a letter like others";
  EXPECT_FALSE(open(""));
}

TEST(Csv, GivesBackWhatWasQuotedAndFindsItsEnd) {
  rc::check("quote, cut anywhere, read on, split", [] {
    const auto letter = rc::gen::element('a', '"', ',', '\n', ' ', '\\');
    const auto cells =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(letter)));
    std::string record;
    for (const std::string& cell : cells) {
      if (!record.empty()) record += ',';
      record += quoted(cell);
    }
    const auto split = split_csv(record);
    RC_ASSERT(split.has_value());
    RC_ASSERT(*split == cells);
    // At each line end the quotes say whether the record is whole, as a reader of lines needs it.
    CsvQuotes quotes;
    for (std::size_t i = 0; i < record.size(); ++i) {
      if (record[i] == '\n') RC_ASSERT(quotes.open());
      quotes.read(std::string_view(record).substr(i, 1));
    }
    RC_ASSERT(!quotes.open());
  });
  rc::check("what splits is closed; what is open does not split", [] {
    const auto letter = rc::gen::element('a', '"', ',', '\n');
    const auto record = *rc::gen::container<std::string>(letter);
    CsvQuotes quotes;
    quotes.read(record);
    if (quotes.open()) RC_ASSERT(!split_csv(record).has_value());
  });
}

TEST(Csv, RowsBecomeEvents) {
  const auto rows = CsvRows::create("Customer ID,ts,amount,currency,a/b,note", purchases(), "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_THAT(rows->to_json(R"(17850,1291191960000,15.3,GBP,e-1,"say ""hi"", twice")"),
              Optional(std::string(R"({"Customer ID":"17850","ts":1291191960000,"amount":15.3,"currency":"GBP",)"
                                   R"("a/b":"e-1","note":"say \"hi\", twice"})")));
  // An empty cell is absent. What is no number in JSON stays a text, to be rejected with its reason.
  EXPECT_THAT(rows->to_json("c,2011-01-01T00:00:00Z,,,,"),
              Optional(std::string(R"({"Customer ID":"c","ts":"2011-01-01T00:00:00Z"})")));
  for (const std::string amount : {"+5", "05", ".5", "5.", "1e", "1,5", "0x10", "NaN", "-", "--1"})
    EXPECT_THAT(rows->to_json("c,0," + quoted(amount) + ",,,"), Optional(HasSubstr(R"("amount":")"))) << amount;
  for (const std::string amount : {"0", "-0.5", "10", "1e3", "1.5E-3", "1e+3"})
    EXPECT_THAT(rows->to_json("c,0," + amount + ",,,"), Optional(HasSubstr("\"amount\":" + amount + "}"))) << amount;
  EXPECT_THAT(rows->to_json("\"c\x01\\\n\",0,,,,"), Optional(HasSubstr(R"("c\u0001\\\u000a")")));
  EXPECT_EQ(rows->to_json("c,0,1"), std::nullopt);
  EXPECT_EQ(rows->to_json("c,0,1,GBP,e,n,more"), std::nullopt);
  EXPECT_EQ(rows->to_json("\"c,0,1,GBP,e,n"), std::nullopt);
}

TEST(Csv, ColumnsOfNestedFieldsAreNamedLikeTheirPointers) {
  SourceFormat format = purchases();
  format.fields = {{"customer_id", "/customer/id"},
                   {"time", "/at"},
                   {"amount", "/total/value"},
                   {"currency", "/total/unit"},
                   {"event_id", "/customer/last~1order"}};
  const auto rows =
      CsvRows::create("total/unit,customer,at,customer/id,total/value,customer/last/order,x/y", format, "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  // An unmapped column gives way where the mapped ones need an object; else it stands under its own name.
  EXPECT_THAT(rows->to_json("EUR,Jane,5,C1,1.5,e-1,z"),
              Optional(std::string(R"({"total":{"unit":"EUR","value":1.5},"at":5,)"
                                   R"("customer":{"id":"C1","last/order":"e-1"},"x/y":"z"})")));
  EXPECT_THAT(rows->to_json(",Jane,5,C1,,,"), Optional(std::string(R"({"at":5,"customer":{"id":"C1"}})")));
  EXPECT_THAT(rows->to_json(",,,,,,"), Optional(std::string("{}")));

  format.fields["category"] = "/customer";
  const auto both = CsvRows::create("at,customer/id,total/value,customer", format, "f.csv");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr("f.csv:1: the column 'customer' has no place"));
}

TEST(Csv, AHeaderIsKnownByItsNeededColumns) {
  for (const std::string_view header : {"Customer ID,ts,amount", "note,ts", "\"Customer ID\",x", "amount,x"})
    EXPECT_TRUE(looks_like_csv_header(header, purchases())) << header;
  for (const std::string_view other : {"", "ts", "customer_id,time", R"({"ts":1,"amount":2})", R"("ts":1,"amount":2})",
                                       R"({ts,amount})", "\"ts,amount"})
    EXPECT_FALSE(looks_like_csv_header(other, purchases())) << other;
}

TEST(Csv, HeadersThatDoNotFitAreNamedWithTheRemedy) {
  const auto missing = CsvRows::create("customer_id,ts", purchases(), "f.csv");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "f.csv:1: the header has no column 'Customer ID' for customer_id: name it in sources.shop.fields");
  // A purchase needs an amount, unless the source has one for all.
  SourceFormat format = purchases();
  const auto amount = CsvRows::create("Customer ID,ts", format, "f.csv");
  ASSERT_FALSE(amount);
  EXPECT_THAT(amount.error().message, HasSubstr("no column 'amount' for amount"));
  format.defaults["amount"] = "1";
  EXPECT_TRUE(CsvRows::create("Customer ID,ts", format, "f.csv"));
  for (const std::string_view header : {"", "\"open"}) {
    const auto none = CsvRows::create(header, purchases(), "f.csv");
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("f.csv:1: there is no CSV header"));
  }
}

}  // namespace
}  // namespace holdfast::ingest
