#include "state/state_directory.hpp"

#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/process.hpp"

namespace holdfast::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

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
    write_file(folder.path() / "s", std::to_string(n));
    const auto to = set_aside(folder.path() / "s");
    ASSERT_TRUE(to) << to.error().message;
    EXPECT_EQ(*to, folder.path() / ("s.corrupt-" + std::to_string(n)));
    EXPECT_EQ(read_file(*to), std::to_string(n));
  }
  EXPECT_FALSE(set_aside(folder.path() / "s"));
}

}  // namespace
}  // namespace holdfast::state
