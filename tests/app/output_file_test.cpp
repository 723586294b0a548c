#include "app/output_file.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/process.hpp"

namespace holdfast::app {
namespace {

namespace fs = std::filesystem;
using testing::read_file;
using testing::write_file;

Status write(const std::string& to, const std::string& text) {
  auto file = OutputFile::open(to);
  if (!file) return std::unexpected(file.error());
  if (const Status written = file->write(text); !written) return written;
  return file->keep();
}

class OutputFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }
  testing::TemporaryFolder folder_;
};

TEST_F(OutputFileTest, IsThereAsAWholeOrAsItWasBefore) {
  write_file(path("model.json"), "before");
  {
    auto file = OutputFile::open(path("model.json"));
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->write("after"));
    EXPECT_EQ(read_file(path("model.json")), "before") << "whoever reads it meanwhile reads a whole file";
  }
  EXPECT_EQ(read_file(path("model.json")), "before") << "what was not kept was never there";
  EXPECT_EQ(files(), 1) << "and leaves nothing";
  ASSERT_TRUE(write(path("model.json"), "after"));
  EXPECT_EQ(read_file(path("model.json")), "after");
  ASSERT_TRUE(write(path("new.json"), "new"));
  EXPECT_EQ(read_file(path("new.json")), "new");
  EXPECT_EQ(files(), 2);
}

/// Where files may not grow beyond a kilobyte.
void write_too_much(const std::string& to) {
  const rlimit small{.rlim_cur = 1'000, .rlim_max = 1'000};
  (void)setrlimit(RLIMIT_FSIZE, &small);
  (void)std::signal(SIGXFSZ, SIG_IGN);
  const Status written = write(to, std::string(100'000, 'x'));
  std::_Exit(!written && written.error().message.starts_with("cannot write " + to + ": ") ? 0 : 1);
}

TEST_F(OutputFileTest, WhatDoesNotFitLeavesWhatWasThere) {
  write_file(path("model.json"), "before");
  EXPECT_EXIT(write_too_much(path("model.json")), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(read_file(path("model.json")), "before");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, KeepsTheModeAndFollowsLinks) {
  write_file(path("model.json"), "before");
  fs::permissions(path("model.json"), fs::perms{0640});
  fs::create_symlink("model.json", path("link.json"));
  ASSERT_TRUE(write(path("link.json"), "after"));
  EXPECT_TRUE(fs::is_symlink(path("link.json")));
  EXPECT_EQ(read_file(path("model.json")), "after");
  EXPECT_EQ(fs::status(path("model.json")).permissions(), fs::perms{0640});
  const mode_t others = umask(022);
  ASSERT_TRUE(write(path("new.json"), "new"));
  umask(others);
  EXPECT_EQ(fs::status(path("new.json")).permissions(), fs::perms{0644});
}

TEST_F(OutputFileTest, PipesAndDevicesAreWrittenToWhereTheyAre) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  auto read = std::async(std::launch::async, [&] { return read_file(path("pipe")); });
  ASSERT_TRUE(write(path("pipe"), "through"));
  EXPECT_EQ(read.get(), "through");
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_TRUE(write("/dev/null", "nothing"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));

  // As standard output that a shell has put into a file.
  write_file(path("log"), "first\n");
  const int log = open(path("log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  ASSERT_GE(log, 0);
  EXPECT_TRUE(write("/proc/self/fd/" + std::to_string(log), "second\n"));
  EXPECT_EQ(::write(log, "third\n", 6), 6);
  EXPECT_TRUE(read_file(path("log")).ends_with("third\n")) << "it is the same file";
  (void)close(log);
}

TEST_F(OutputFileTest, WhereNothingCanBePutBesideItIsWrittenInPlace) {
  // A name as long as names may be has no room for another one beside it.
  const std::string longest = path(std::string(255, 'n'));
  ASSERT_TRUE(write(longest, "in place"));
  EXPECT_EQ(read_file(longest), "in place");
}

TEST_F(OutputFileTest, WhereNothingCanBeWrittenIsSaid) {
  for (const std::string where : {"no/such/folder/m.json", ""}) {
    const Status written = write(path(where), "x");
    ASSERT_FALSE(written) << where;
    EXPECT_EQ(written.error().kind, ErrorKind::failed);
    EXPECT_TRUE(written.error().message.starts_with("cannot write " + path(where) + ": ")) << written.error().message;
  }
}

}  // namespace
}  // namespace holdfast::app
