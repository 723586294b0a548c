#include "state/state_directory.hpp"

#include <algorithm>
#include <array>
#include <barrier>
#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/private_disk.hpp"
#include "tests/support/process.hpp"

namespace holdfast::state {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

std::set<std::string> names_in(const fs::path& path) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename().string());
  return names;
}

TEST(StateDirectory, IsMadeWithItsIdentityAndTakenAgain) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a" / "state";
  ASSERT_TRUE(StateDirectory::open(path, "shop"));
  EXPECT_EQ(read_file(path / "HOLDFAST"), "holdfast state 1\napplication_id shop\n");
  const auto again = StateDirectory::open(path, "shop");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->path(), path);
}

TEST(StateDirectory, ASecondUserIsRefusedAndToldOfTheFirst) {
  const TemporaryFolder folder;
  const auto first = StateDirectory::open(folder.path() / "s", "shop");
  ASSERT_TRUE(first);
  const auto second = StateDirectory::open(folder.path() / "s", "shop");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::failed);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr((folder.path() / "s").string()),
                                            HasSubstr(std::to_string(::getpid())), HasSubstr("stop it")));
}

TEST(StateDirectory, AKilledUserLeavesItFree) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "s";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto taken = StateDirectory::open(path, "shop");
    const char word = taken ? 'y' : 'n';
    (void)!::write(ready[1], &word, 1);
    for (;;) ::pause();
  }
  char word = 0;
  ASSERT_EQ(::read(ready[0], &word, 1), 1);
  ASSERT_EQ(word, 'y');
  const auto refused = StateDirectory::open(path, "shop");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(StateDirectory::open(path, "shop"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(StateDirectory, OfAnotherApplicationIsRefusedAndLeftAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(StateDirectory::open(folder.path() / "s", "shop"));
  const auto other = StateDirectory::open(folder.path() / "s", "other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::incompatible);
  EXPECT_THAT(other.error().message,
              AllOf(HasSubstr("'shop'"), HasSubstr("'other'"), HasSubstr("set another state.directory")));
  EXPECT_TRUE(StateDirectory::open(folder.path() / "s", "shop"));
}

TEST(StateDirectory, OfANewerFormatIsRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(StateDirectory::open(folder.path() / "s", "shop"));
  write_file(folder.path() / "s" / "HOLDFAST", "holdfast state 2\napplication_id shop\n");
  const auto newer = StateDirectory::open(folder.path() / "s", "shop");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::incompatible);
  EXPECT_THAT(newer.error().message, AllOf(HasSubstr("format 2"), HasSubstr("run the release that wrote it")));
  const Status looked = check_state_directory(folder.path() / "s", "shop");
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().kind, ErrorKind::incompatible);
}

TEST(StateDirectory, ADamagedIdentityIsDamage) {
  for (const std::string text :
       {"", "hold", "holdfast state x\n", "holdfast state 1\n", "rubbish of any kind at all"}) {
    const TemporaryFolder folder;
    ASSERT_TRUE(StateDirectory::open(folder.path() / "s", "shop"));
    write_file(folder.path() / "s" / "HOLDFAST", text);
    const auto opened = StateDirectory::open(folder.path() / "s", "shop");
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << text;
  }
}

TEST(StateDirectory, AFolderOfSomethingElseIsRefused) {
  const TemporaryFolder folder;
  write_file(folder.path() / "thesis.txt", "years of work");
  const auto opened = StateDirectory::open(folder.path(), "shop");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::failed);
  EXPECT_THAT(opened.error().message, HasSubstr("something else"));
  EXPECT_EQ(read_file(folder.path() / "thesis.txt"), "years of work");
}

TEST(StateDirectory, AFolderOfSomethingElseIsNotWrittenTo) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "db");
  write_file(folder.path() / "db" / "CURRENT", "of another program");
  const auto opened = StateDirectory::open(folder.path(), "shop");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::failed) << "it must not be set aside";
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("'db'"), HasSubstr("restore its file HOLDFAST")));
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"db"}));
}

TEST(StateDirectory, AFreshVolumeIsTaken) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "lost+found");
  const auto opened = StateDirectory::open(folder.path(), "shop");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"HOLDFAST", "LOCK.holdfast", "lost+found"}));
}

TEST(StateDirectory, AMissingIdentityIsDamage) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "s";
  ASSERT_TRUE(StateDirectory::open(path, "shop"));
  fs::create_directories(path / "db");
  fs::remove(path / "HOLDFAST");
  const auto opened = StateDirectory::open(path, "shop");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr(path.string()), HasSubstr("its file HOLDFAST is missing")));
  const Status looked = check_state_directory(path, "shop");
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().kind, ErrorKind::corrupt);
  EXPECT_FALSE(fs::exists(path / "HOLDFAST")) << "whose it is must not be guessed";

  write_file(path / "HOLDFAST", "holdfast state 1\napplication_id shop\n");
  EXPECT_TRUE(StateDirectory::open(path, "shop")) << "mended as the message says";
}

TEST(StateDirectory, OfFirstStartsAtOnceOnlyOneApplicationGetsIt) {
  for (int round = 0; round < 100; ++round) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "s";
    fs::create_directories(path);
    std::barrier begin(4);
    std::array<std::string, 4> outcomes;
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        threads.emplace_back([&, i] {
          begin.arrive_and_wait();
          const auto taken = StateDirectory::open(path, "shop" + std::to_string(i));
          outcomes[i] = taken ? "taken" : taken.error().message;
        });
      }
    }
    EXPECT_EQ(std::ranges::count(outcomes, "taken"), 1);
    for (const std::string& outcome : outcomes)
      EXPECT_THAT(outcome, AnyOf("taken", HasSubstr("uses this state directory"), HasSubstr("belongs to")));
  }
}

TEST(StateDirectory, WhereNoFolderCanBeMadeIsSaid) {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "");
  const auto opened = StateDirectory::open(folder.path() / "file" / "s", "shop");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("cannot make the folder"), HasSubstr("state.directory")));
}

TEST(StateDirectory, LookingWithoutTakingNeedsAState) {
  const TemporaryFolder folder;
  const Status none = check_state_directory(folder.path() / "s", "shop");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no state here"));
  const auto held = StateDirectory::open(folder.path() / "s", "shop");
  EXPECT_TRUE(check_state_directory(folder.path() / "s", "shop")) << "though another has taken it";
}

TEST(StateDirectory, IsSetAsideUnderTheFirstFreeName) {
  const TemporaryFolder folder;
  for (int n = 1; n <= 3; ++n) {
    fs::create_directories(folder.path() / "s");
    write_file(folder.path() / "s" / "HOLDFAST", std::to_string(n));
    const auto to = set_aside(folder.path() / "s");
    ASSERT_TRUE(to) << to.error().message;
    EXPECT_EQ(*to, folder.path() / ("s.corrupt-" + std::to_string(n)));
    EXPECT_EQ(read_file(*to / "HOLDFAST"), std::to_string(n));
  }
  EXPECT_FALSE(set_aside(folder.path() / "s"));
}

TEST(StateDirectory, IsSetAsideAlsoWithASlashAtItsEnd) {
  const TemporaryFolder folder;
  ASSERT_TRUE(StateDirectory::open(folder.path() / "s", "shop"));
  const auto to = set_aside(folder.path() / "s" / "");
  ASSERT_TRUE(to) << to.error().message;
  EXPECT_EQ(*to, folder.path() / "s.corrupt-1");
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"s.corrupt-1"}));
}

TEST(StateDirectory, OfAnotherProcessIsNotSetAside) {
  const TemporaryFolder folder;
  const auto held = StateDirectory::open(folder.path() / "s", "shop");
  ASSERT_TRUE(held);
  const auto to = set_aside(folder.path() / "s");
  ASSERT_FALSE(to);
  EXPECT_THAT(to.error().message, HasSubstr("uses this state directory"));
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"s"}));
}

/// Damages and sets aside twice a folder that stays in its place. The text says what went wrong; empty: nothing.
std::string set_content_aside_twice(const fs::path& path) {
  for (const std::string n : {"1", "2"}) {
    if (const auto opened = StateDirectory::open(path, "shop"); !opened) return opened.error().message;
    fs::create_directories(path / "db");
    write_file(path / "db" / "CURRENT", "damage " + n);
    write_file(path / "notes", n);
    const auto to = set_aside(path);
    if (!to) return to.error().message;
    if (*to != path / ("corrupt-" + n)) return "set aside as " + to->string();
    if (names_in(*to) != std::set<std::string>{"HOLDFAST", "db", "notes"}) return "not all of it was moved";
    if (read_file(*to / "db" / "CURRENT") != "damage " + n) return "other bytes";
  }
  const auto anew = StateDirectory::open(path, "shop");
  if (!anew) return anew.error().message;
  const std::set<std::string> expected{"HOLDFAST", "LOCK.holdfast", "corrupt-1", "corrupt-2"};
  std::set<std::string> names = names_in(path);
  names.erase("lost+found");
  return names == expected ? "" : "something else is left";
}

TEST(StateDirectory, BehindALinkItsContentIsSetAside) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "disk" / "s" / "lost+found");
  fs::create_directory_symlink(folder.path() / "disk" / "s", folder.path() / "s");
  EXPECT_EQ(set_content_aside_twice(folder.path() / "s"), "");
  EXPECT_EQ(names_in(folder.path() / "disk"), (std::set<std::string>{"s"}));
  EXPECT_TRUE(fs::exists(folder.path() / "disk" / "s" / "lost+found"));
}

TEST(StateDirectory, OfAMountPointTheContentIsSetAside) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "s";
  fs::create_directories(path);
  constexpr int not_permitted = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!testing::mount_private_disk(path, "size=1m")) ::_exit(not_permitted);
    const std::string problem = set_content_aside_twice(path);
    std::fprintf(stderr, "%s", problem.c_str());
    ::_exit(problem.empty() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == not_permitted) GTEST_SKIP() << "this process may not mount a disk";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace holdfast::state
