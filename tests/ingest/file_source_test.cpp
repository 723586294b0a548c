#include "ingest/file_source.hpp"

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "domain/limits.hpp"
#include "tests/support/process.hpp"

namespace holdfast::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FileSourceTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    const auto path = folder_.path() / name;
    testing::write_file(path, content);
    return path.string();
  }
  static SourceFormat visits() {
    return {.name = "web",
            .topic = "topic",
            .kind = EventKind::visit,
            .fields = {},
            .time_format = TimeFormat::any,
            .defaults = {},
            .max_ahead = Duration{0}};
  }
  /// All values, read `records_max` at a time; checks offsets and stamps on the way.
  static std::vector<std::string> read(const std::vector<std::string>& paths, std::size_t records_max = 100) {
    auto files = FileSource::open(visits(), paths);
    EXPECT_TRUE(files) << files.error().message;
    if (!files) return {};
    std::vector<std::string> values;
    for (;;) {
      const auto batch = (*files)->next(records_max);
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || *batch == nullptr) break;
      EXPECT_LE((*batch)->records().size(), records_max);
      for (const RawRecord& record : (*batch)->records()) {
        EXPECT_EQ(record.offset.value, static_cast<std::int64_t>(values.size()));
        EXPECT_EQ(record.timestamp.ms, -1);
        EXPECT_EQ(record.key.data(), nullptr);
        values.emplace_back(record.value);
      }
    }
    EXPECT_EQ((*files)->bytes_total(), size_of(paths));
    return values;
  }
  /// No value: one of them is no plain file.
  static std::optional<std::uint64_t> size_of(const std::vector<std::string>& paths) {
    std::uint64_t sum = 0;
    for (const std::string& path : paths) {
      if (!std::filesystem::is_regular_file(path)) return std::nullopt;
      sum += std::filesystem::file_size(path);
    }
    return sum;
  }
  /// All values of standard input with this content.
  static std::vector<std::string> read_stdin(const std::string& content) {
    std::istringstream in(content);
    std::streambuf* const real = std::cin.rdbuf(in.rdbuf());
    auto values = read({"-"});
    std::cin.rdbuf(real);
    std::cin.clear();
    return values;
  }

 protected:
  testing::TemporaryFolder folder_;
};

TEST_F(FileSourceTest, ReadsLinesOfSeveralFilesAsOneLog) {
  const auto a = file("a.ndjson", "{\"a\":1}\n\n  \t\n{\"a\":2}\r\n");
  const auto empty = file("empty.ndjson", "");
  const auto b = file("b.ndjson", "not json\n{\"a\":3}");  // No line end at the end.
  for (const std::size_t records_max : {1, 2, 100})
    EXPECT_THAT(read({a, empty, b}, records_max), ElementsAre(R"({"a":1})", R"({"a":2})", "not json", R"({"a":3})"));
}

TEST_F(FileSourceTest, ReadsCsvUnderItsHeader) {
  const auto a = file("a.csv", "customer_id,time,note\r\nc1,1,x\r\n\r\nc2,2,\"two\r\nlines, 3\"\" wide\"\r\nc3,3,\r\n");
  const auto b = file("b.csv", "time,customer_id\n4,c4\n");  // Another order of columns.
  EXPECT_THAT(read({a, b}, 1), ElementsAre(R"({"customer_id":"c1","time":1,"note":"x"})",
                                           R"({"customer_id":"c2","time":2,"note":"two\u000alines, 3\" wide"})",
                                           R"({"customer_id":"c3","time":3})", R"({"time":4,"customer_id":"c4"})"));
}

TEST_F(FileSourceTest, RowsThatDoNotFitAreHandedOnAsTheyAre) {
  const auto a = file("a.csv", "customer_id,time\nc1\nc2,2,3\n12\" c3,3\nc4,4\n");
  EXPECT_THAT(read({a}),
              ElementsAre("c1", "c2,2,3", R"({"customer_id":"12\" c3","time":3})", R"({"customer_id":"c4","time":4})"));
}

TEST_F(FileSourceTest, AByteOrderMarkIsNoPartOfTheFirstLine) {
  const auto csv = file("a.csv",
                        "\xEF\xBB\xBF"
                        "customer_id,time\nc1,1\n");
  const auto json = file("a.ndjson", "\xEF\xBB\xBF{}\n");
  const auto tiny = file("b.ndjson", "1");
  EXPECT_THAT(read({csv, json, tiny}), ElementsAre(R"({"customer_id":"c1","time":1})", "{}", "1"));
}

TEST_F(FileSourceTest, WithoutATellingNameTheFirstLineSaysWhatItIs) {
  const std::string json = R"({"customer_id":"c1","time":1})";
  for (const std::string begin : {"", "\n \t\r\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"}) {
    EXPECT_THAT(read_stdin(begin + "customer_id,time\nc1,1\n"), ElementsAre(json)) << begin;
    EXPECT_THAT(read_stdin(begin + json + "\n" + json), ElementsAre(json, json)) << begin;
    EXPECT_THAT(read({file("events", begin + "time,customer_id\n1,c1\n")}),
                ElementsAre(R"({"time":1,"customer_id":"c1"})"))
        << begin;
  }
  EXPECT_THAT(read_stdin(""), ElementsAre());
  // A broken first line is a record like others.
  for (const std::string broken : {R"("customer_id":"c1","time":1})", "no event", "[", R"({"customer_id",time)"})
    EXPECT_THAT(read_stdin(broken + "\n" + json), ElementsAre(broken, json));
  // What looks like a header, and lacks something, is none of the two.
  const auto lacking = FileSource::open(visits(), {file("events.txt", "time,name\n1,c1\n")});
  ASSERT_FALSE(lacking);
  EXPECT_THAT(lacking.error().message, HasSubstr("events.txt:1: the header has no column 'customer_id'"));
}

TEST_F(FileSourceTest, ATellingNameHasTheLastWord) {
  EXPECT_THAT(read({file("a.CSV", "customer_id,time\nc1,1\n")}), ElementsAre(R"({"customer_id":"c1","time":1})"));
  for (const std::string name : {"a.ndjson", "a.JSONL", "a.json"})
    EXPECT_THAT(read({file(name, "customer_id,time\nc1,1\n")}), ElementsAre("customer_id,time", "c1,1")) << name;
  EXPECT_FALSE(FileSource::open(visits(), {file("b.csv", R"({"customer_id":"c1","time":1})")}));
}

TEST_F(FileSourceTest, APipeIsReadLikeAFile) {
  const std::string path = (folder_.path() / "pipe").string();
  for (const std::string content : {"customer_id,time\nc1,1\n", "\xEF\xBB\xBF{\"customer_id\":\"c1\",\"time\":1}\n"}) {
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    std::jthread writer([&] { testing::write_file(path, content); });
    EXPECT_THAT(read({path}), ElementsAre(R"({"customer_id":"c1","time":1})"));
    writer.join();
    std::filesystem::remove(path);
  }
  const auto folder = FileSource::open(visits(), {folder_.path().string()});
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("Is a directory"));
}

TEST_F(FileSourceTest, AnOpenQuoteTakesABoundedPieceOfTheFile) {
  std::string rows = "customer_id,time\n\"c1,1\n";
  constexpr int others = 100'000;
  for (int i = 0; i < others; ++i) rows += "c,2\n";
  const auto values = read({file("a.csv", rows)});
  ASSERT_GT(values.size(), 2U);
  EXPECT_THAT(values.front(), StartsWith("\"c1,1\nc,2\n"));
  EXPECT_LE(values.front().size(), limits::event_bytes_max + 10);
  EXPECT_EQ(values.size() - 1, others - (values.front().size() - 5) / 4);
  EXPECT_EQ(values.back(), R"({"customer_id":"c","time":2})");
}

TEST_F(FileSourceTest, WhatCannotBeReadIsNamedBeforeAnythingIsRead) {
  const auto good = file("a.ndjson", "{}\n");
  const auto absent = FileSource::open(visits(), {good, good + ".absent"});
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("a.ndjson.absent: No such file"));
  const auto header = FileSource::open(visits(), {file("b.csv", "id,time\n")});
  ASSERT_FALSE(header);
  EXPECT_THAT(header.error().message, HasSubstr("b.csv:1: the header has no column 'customer_id'"));
  // A header further on fails where it is met: what came before has been handed on.
  auto later = FileSource::open(visits(), {good, file("c.csv", "id,time\n")});
  ASSERT_TRUE(later);
  const auto failed = (*later)->next(10);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("c.csv:1"));
}

}  // namespace
}  // namespace holdfast::ingest
