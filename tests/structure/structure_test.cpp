#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/structure/cpp_text.hpp"
#include "tests/structure/rules.hpp"

namespace holdfast::structure {
namespace {

const Tree& product() {
  static const Tree tree(HOLDFAST_SOURCE_DIR);
  return tree;
}

TEST(Product, IsReadFromTheSourceTree) {
  ASSERT_NE(product().find("domain/ports.hpp"), nullptr);
  ASSERT_NE(product().find("tests/run"), nullptr);
}
TEST(Product, KeepsItsLayers) { EXPECT_EQ(to_text(check_layers(product())), ""); }
TEST(Product, KeepsLibrariesBehindOneLayer) { EXPECT_EQ(to_text(check_vendors(product())), ""); }
TEST(Product, KeepsDomainAndEnginePure) { EXPECT_EQ(to_text(check_purity(product())), ""); }
TEST(Product, GuardsItsHeaders) { EXPECT_EQ(to_text(check_headers(product())), ""); }
TEST(Product, KeepsItsFilesShort) { EXPECT_EQ(to_text(check_length(product())), ""); }
TEST(Product, LeavesNothingForLater) { EXPECT_EQ(to_text(check_leftovers(product())), ""); }
TEST(Product, HasNoDeadLinks) { EXPECT_EQ(to_text(check_links(product())), ""); }
TEST(Product, DescribesAllThatUsersSee) { EXPECT_EQ(to_text(check_references(product())), ""); }
TEST(Product, HasItsDocuments) { EXPECT_EQ(to_text(check_documents(product())), ""); }

/// A made-up tree in a folder of its own.
class MadeUp : public testing::Test {
 public:
  MadeUp()
      : root_(std::filesystem::temp_directory_path() /
              ("holdfast-structure-" + std::to_string(getpid()) + "-" + std::to_string(made_++))) {
    std::filesystem::create_directories(root_);
  }
  ~MadeUp() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] Tree tree() const { return Tree(root_); }

 private:
  static inline int made_ = 0;
  std::filesystem::path root_;
};

/// One complaint, about this line, that says `what`.
void expect_one(const Violations& violations, const std::string& file, std::size_t line, const std::string& what) {
  ASSERT_EQ(violations.size(), 1u) << to_text(violations);
  EXPECT_EQ(violations[0].file, file);
  EXPECT_EQ(violations[0].line, line);
  EXPECT_NE(violations[0].what.find(what), std::string::npos) << violations[0].what;
}

TEST_F(MadeUp, AGoodSourceBreaksNoRule) {
  write("engine/risk.hpp", "#pragma once\n\n#include <cmath>\n\n#include \"domain/time.hpp\"\n");
  write("state/store.cpp", "#include \"state/store.hpp\"\n\n#include <rocksdb/db.h>\n#include <unistd.h>\n");
  write("app/main.cpp", "#include <spdlog/spdlog.h>\n\n#include \"ingest/reader.hpp\"\n#include \"state/store.hpp\"\n");
  write("tests/app/main_test.cpp", "#include <rocksdb/db.h>\n\n#include \"engine/risk.hpp\"\n");
  for (const auto check : {check_layers, check_vendors, check_purity, check_headers, check_length, check_leftovers}) {
    EXPECT_EQ(to_text(check(tree())), "");
  }
}

TEST_F(MadeUp, ALayerMustNotIncludeAnotherThatItMayNotKnow) {
  write("engine/risk.cpp", "// of the engine\n#include \"state/store.hpp\"\n");
  expect_one(check_layers(tree()), "engine/risk.cpp", 2, "engine/ must not know state/");
}

TEST_F(MadeUp, AProductMustNotIncludeTests) {
  write("app/main.cpp", "#include \"tests/support/log.hpp\"\n");
  expect_one(check_layers(tree()), "app/main.cpp", 1, "app/ must not know tests/");
}

TEST_F(MadeUp, IncludesStartAtTheRoot) {
  write("engine/risk.cpp", "#include \"risk.hpp\"\n");
  expect_one(check_layers(tree()), "engine/risk.cpp", 1, "start at the root");
}

TEST_F(MadeUp, SourcesAreNotIncluded) {
  write("tests/engine/risk_test.cpp", "#include \"engine/risk.cpp\"\n");
  expect_one(check_layers(tree()), "tests/engine/risk_test.cpp", 1, "never included");
}

TEST_F(MadeUp, ACommentIsNoInclude) {
  write("engine/risk.cpp", "// #include \"state/store.hpp\"\n/*\n#include <rocksdb/db.h>\n*/\n");
  EXPECT_EQ(to_text(check_layers(tree())), "");
  EXPECT_EQ(to_text(check_vendors(tree())), "");
}

TEST_F(MadeUp, ALibraryStandsBehindItsLayer) {
  write("app/main.cpp", "#include <librdkafka/rdkafka.h>\n");
  expect_one(check_vendors(tree()), "app/main.cpp", 1, "not one of this layer's libraries");
}

TEST_F(MadeUp, ALibraryCanBelongToASingleFile) {
  write("domain/ids.cpp", "#include <xxhash.h>\n");
  EXPECT_EQ(to_text(check_vendors(tree())), "");
  write("domain/step.cpp", "#include <xxhash.h>\n");
  expect_one(check_vendors(tree()), "domain/step.cpp", 1, "not one of this layer's libraries");
}

TEST_F(MadeUp, EachLibraryIsRefusedWhereItDoesNotBelong) {
  for (const char* header :
       {"librdkafka/rdkafka.h", "rocksdb/db.h", "boost/asio.hpp", "prometheus/registry.h", "simdjson.h",
        "yaml-cpp/yaml.h", "CLI/CLI.hpp", "spdlog/spdlog.h", "nlohmann/json.hpp", "fmt/format.h", "xxhash.h"}) {
    write("engine/risk.cpp", "#include <" + std::string(header) + ">\n");
    expect_one(check_vendors(tree()), "engine/risk.cpp", 1, header);
  }
}

TEST_F(MadeUp, ALibraryNeedsARule) {
  write("learn/fit.cpp", "#include <Spectra/SymEigsSolver.h>\n");
  expect_one(check_vendors(tree()), "learn/fit.cpp", 1, "without a rule");
}

TEST_F(MadeUp, DomainAndEngineKnowNoSystem) {
  write("domain/time.cpp", "#include <sys/time.h>\n");
  expect_one(check_purity(tree()), "domain/time.cpp", 1, "knows no system");
}

TEST_F(MadeUp, DomainAndEngineKnowNoThreads) {
  write("engine/task.cpp", "#include <thread>\n");
  expect_one(check_purity(tree()), "engine/task.cpp", 1, "knows no threads");
}

TEST_F(MadeUp, EveryWayToReadAClockIsSeen) {
  for (const char* code : {"std::chrono::system_clock::now()", "steady_clock :: now()", "std::time(nullptr)", "time(0)",
                           "gettimeofday(&t, nullptr)", "clock_gettime(CLOCK_REALTIME, &t)", "std::clock()"}) {
    write("domain/time.cpp", "auto t = " + std::string(code) + ";\n");
    expect_one(check_purity(tree()), "domain/time.cpp", 1, "reads no clock");
  }
}

TEST_F(MadeUp, TheEngineDoesNotEvenKnowTheClockOfOthers) {
  write("engine/task.hpp", "#pragma once\nclass Task { const Clock& clock_; };\n");
  expect_one(check_purity(tree()), "engine/task.hpp", 2, "knows no clock");
}

TEST_F(MadeUp, EveryLockIsSeen) {
  for (const char* code : {"std::mutex m;", "std::shared_mutex m;", "std::lock_guard guard(m_);",
                           "std::unique_lock<M> l(m_);", "std::scoped_lock l(a_);", "pthread_rwlock_t l;"}) {
    write("engine/task.cpp", std::string(code) + "\n");
    expect_one(check_purity(tree()), "engine/task.cpp", 1, "has no lock");
  }
}

TEST_F(MadeUp, ChanceIsSeen) {
  write("engine/task.cpp", "std::mt19937 numbers{std::random_device{}()};\n");
  expect_one(check_purity(tree()), "engine/task.cpp", 1, "chance");
}

TEST_F(MadeUp, WordsInCommentsAndTextsAreNoCode) {
  write("engine/task.cpp", "// no std::mutex here, no steady_clock::now()\nauto s = \"std::mutex\";  /* rand() */\n");
  EXPECT_EQ(to_text(check_purity(tree())), "");
}

TEST_F(MadeUp, OtherLayersMayReadClocks) {
  write("app/clock.cpp", "#include <time.h>\nauto t = std::chrono::system_clock::now();\nstd::mutex m;\n");
  EXPECT_EQ(to_text(check_purity(tree())), "");
}

TEST_F(MadeUp, AHeaderNeedsItsGuard) {
  write("domain/a.hpp", "// #pragma once\nint a();\n");
  expect_one(check_headers(tree()), "domain/a.hpp", 1, "#pragma once");
}

TEST_F(MadeUp, SixHundredLinesAreTheMost) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "int a();\n";
  write("app/main.cpp", text);
  EXPECT_EQ(to_text(check_length(tree())), "");
  write("app/main.cpp", text + "int a();\n");
  expect_one(check_length(tree()), "app/main.cpp", 0, "601 lines");
}

TEST_F(MadeUp, LeftoversAreSeenInEveryKindOfFile) {
  for (const char* path : {"app/main.cpp", "docs/a.md", "CMakeLists.txt", "deploy/demo"}) {
    write(path, std::string("fine\n... TO") + "DO: the rest\n");
    expect_one(check_leftovers(tree()), path, 2, "do it");
    write(path, "fine\n");
  }
}

TEST_F(MadeUp, WhatWasBuiltIsNotLookedAt) {
  write("build/dev/a.cpp", std::string("// FIX") + "ME\n");
  write(".hidden/a.cpp", std::string("// FIX") + "ME\n");
  EXPECT_EQ(to_text(check_leftovers(tree())), "");
}

TEST_F(MadeUp, LinksLeadSomewhere) {
  write("docs/a.md",
        "[b](b.md) [up](../README.md#the-way-up) [out](https://example.com/x.md)\n"
        "# Part One, or 1\n[c](#part-one-or-1)\n");
  write("docs/b.md", "`[code](nowhere.md)`\n```\n[code](nowhere.md)\n```\n");
  write("README.md", "## The way up\n");
  EXPECT_EQ(to_text(check_links(tree())), "");
}

TEST_F(MadeUp, DeadLinksAreSeen) {
  write("docs/a.md", "one\n[gone](gone.md)\n");
  expect_one(check_links(tree()), "docs/a.md", 2, "docs/gone.md, which is not there");
  write("docs/a.md", "one\n\n[gone]: gone.md\n");
  expect_one(check_links(tree()), "docs/a.md", 3, "docs/gone.md, which is not there");
}

TEST_F(MadeUp, DeadHeadingsAreSeen) {
  write("docs/a.md", "[part](b.md#part-two)\n");
  write("docs/b.md", "# Part one\n");
  expect_one(check_links(tree()), "docs/a.md", 1, "no heading for #part-two");
}

TEST_F(MadeUp, DocumentsThatSourcesNameMustExist) {
  write("domain/step.hpp", "#pragma once\n/// Format: docs/formats/journal.md.\n");
  expect_one(check_links(tree()), "domain/step.hpp", 2, "docs/formats/journal.md is not there");
  write("docs/formats/journal.md", "# Journal\n");
  EXPECT_EQ(to_text(check_links(tree())), "");
}

TEST_F(MadeUp, WhatUsersSeeIsDescribed) {
  write("console/metrics_text.cpp", "auto a = \"holdfast_lag\";  // not \"holdfast_old\"\n");
  write("docs/reference/metrics.md", "| `holdfast_lag` | behind |\n");
  write("app/main.cpp", "add(\"-c,--config\"); add(\"--json\");\n");
  write("docs/reference/cli.md", "`-c, --config FILE`, `--json`; first --- then\n");
  write("app/config_keys.cpp", "Key{.name = \"risk.horizon\"}\n");
  write("docs/reference/configuration.md", "| `risk.horizon` | see `elsewhere` |\n");
  write("domain/event.cpp", "case RejectionCode::bad_time: return \"bad_time\";\n");
  write("docs/operations.md", "a `bad_time`, and `other_words`\n");
  EXPECT_EQ(to_text(check_references(tree())), "");
}

TEST_F(MadeUp, UndescribedNamesAreSeen) {
  for (const auto& [code, text, document] :
       {std::array{"console/a.cpp", "\n\"holdfast_lag\"", "docs/reference/metrics.md"},
        std::array{"app/a.cpp", "\n\"--json\"", "docs/reference/cli.md"},
        std::array{"app/config_keys.cpp", "\nKey{.name = \"a.b\"}", "docs/reference/configuration.md"},
        std::array{"domain/event.cpp", "\nRejectionCode::bad: return \"bad\";", "docs/operations.md"}}) {
    write(document, "nothing\n");
    write(code, text);
    expect_one(check_references(tree()), code, 2, "is not described in " + std::string(document));
    write(code, "");
  }
}

TEST_F(MadeUp, DescribedNamesThatAreNoMoreAreSeen) {
  for (const auto& [document, text] : {std::array{"docs/reference/metrics.md", "\n| `holdfast_old` | gone |"},
                                       std::array{"docs/reference/cli.md", "\n`holdfast run --old`"},
                                       std::array{"docs/reference/configuration.md", "\n| `old.key` | gone |"}}) {
    write(document, text);
    expect_one(check_references(tree()), document, 2, "is unknown");
    write(document, "");
  }
}

TEST_F(MadeUp, MissingDocumentsAreSeen) {
  const auto violations = check_documents(tree());
  EXPECT_TRUE(std::any_of(violations.begin(), violations.end(), [](const auto& v) { return v.file == "README.md"; }));
}

TEST(CppText, BlanksCommentsAndKeepsPlaces) {
  EXPECT_EQ(without_comments("a // b\nc /* d\ne */ f", Literals::keep), "a     \nc     \n     f");
}

TEST(CppText, KnowsLiterals) {
  EXPECT_EQ(without_comments(R"x(a = "// \" b"; c = '"'; d = 1'000; // e)x", Literals::keep),
            R"x(a = "// \" b"; c = '"'; d = 1'000;     )x");
  EXPECT_EQ(without_comments(R"x(a = "// \" b"; c = '"'; d = 1'000;)x", Literals::blank),
            R"x(a = "       "; c = ' '; d = 1'000;)x");
  EXPECT_EQ(without_comments("R\"y(\" // )\" )y\" + b  // c", Literals::blank), "R\"y(        )y\" + b      ");
}

TEST(CppText, EndsWhereTheSourceEndsHoweverBroken) {
  for (const char* source : {"\"", "'", "/*", "//", "R\"(", "R\"", "\"\\"}) {
    EXPECT_EQ(without_comments(source, Literals::keep).size(), std::string(source).size()) << source;
  }
}

}  // namespace
}  // namespace holdfast::structure
