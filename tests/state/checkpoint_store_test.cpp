#include "state/checkpoint_store.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/private_disk.hpp"
#include "tests/support/process.hpp"
#include "tests/support/simulated_files.hpp"
#include "tests/support/stored.hpp"

namespace holdfast::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

TEST(CheckpointStore, AnEmptyOneHasNothing) {
  const TemporaryFolder folder;
  const auto store = opened(folder.path() / "s");
  const auto loaded = load(*store, p0);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_FALSE(loaded->marker);
  EXPECT_TRUE(store->partitions().empty());
  EXPECT_EQ(store->find(p0, "a").value(), std::nullopt);
}

TEST(CheckpointStore, GivesBackWhatWasWrittenAlsoAfterAReopening) {
  const TemporaryFolder folder;
  const Records first{{"", record_of(1)}, {"a", record_of(2)}, {std::string(255, '\xff'), record_of(3)}};
  {
    const auto store = opened(folder.path() / "s");
    write(*store, p0, 5, first, 3);
    write(*store, p7, 9, {{"z", record_of(4)}}, 1);
    // The second checkpoint has only what changed and what is new.
    write(*store, p0, 6, {{"a", record_of(20)}, {"b", record_of(30)}}, 4);
  }
  const auto store = opened(folder.path() / "s");
  EXPECT_THAT(store->partitions(), ::testing::UnorderedElementsAre(p0, p7));
  const auto loaded = load(*store, p0);
  ASSERT_TRUE(loaded) << loaded.error().message;
  Records expected = first;
  expected["a"] = record_of(20);
  expected["b"] = record_of(30);
  EXPECT_EQ(loaded->records, expected);
  EXPECT_EQ(encode_marker(*loaded->marker), encode_marker(data_of(p0, 6, {}, 4).marker));
  EXPECT_EQ(store->find(p0, "b").value(), record_of(30));
  EXPECT_EQ(store->find(p0, "z").value(), std::nullopt);
  EXPECT_EQ(store->marker(p7).value()->step, 9U);
}

TEST(CheckpointStore, VisitsInOrderOfId) {
  const TemporaryFolder folder;
  const auto store = opened(folder.path() / "s");
  Records records;
  for (std::uint64_t i = 0; i < 1000; ++i) records[std::to_string(i)] = record_of(i);
  write(*store, p0, 1, records, records.size());
  std::vector<std::string> ids;
  ASSERT_TRUE(store->load(p0, [&](std::string_view id, std::string_view) { ids.emplace_back(id); }));
  EXPECT_EQ(ids.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
}

TEST(CheckpointStore, AClearedPartitionIsGoneAndCanBeginAnew) {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path() / "s");
    write(*store, p0, 5, {{"a", record_of(1)}}, 1);
    write(*store, p7, 5, {{"b", record_of(1)}}, 1);
    ASSERT_TRUE(store->clear(p0));
    EXPECT_FALSE(load(*store, p0)->marker);
    write(*store, p0, 1, {{"c", record_of(2)}}, 1);
  }
  const auto store = opened(folder.path() / "s");
  EXPECT_EQ(load(*store, p0)->records, (Records{{"c", record_of(2)}}));
  EXPECT_EQ(load(*store, p7)->records, (Records{{"b", record_of(1)}}));
}

TEST(CheckpointStore, CanBeLookedAtWhileItIsInUse) {
  const TemporaryFolder folder;
  ASSERT_FALSE(open(folder.path() / "s", true)) << "there is nothing to look at";
  const auto store = opened(folder.path() / "s");
  write(*store, p0, 5, {{"a", record_of(1)}}, 1);
  EXPECT_FALSE(open(folder.path() / "s")) << "a second user to write";
  const auto looking = open(folder.path() / "s", true);
  ASSERT_TRUE(looking) << looking.error().message;
  EXPECT_EQ((*looking)->find(p0, "a").value(), record_of(1));
}

TEST(CheckpointStore, RecordsThatDoNotAgreeWithTheMarkerAreDamage) {
  const TemporaryFolder folder;
  const auto store = opened(folder.path() / "s");
  write(*store, p0, 5, {{"a", record_of(1)}}, 2);
  const auto loaded = load(*store, p0);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(loaded.error().message,
              AllOf(HasSubstr("partition 0 has 1 records"), HasSubstr("its marker says 2"), HasSubstr("/s")));
}

TEST(CheckpointStore, AnErasedRecordIsGone) {
  const TemporaryFolder folder;
  const auto store = opened(folder.path() / "s");
  write(*store, p0, 5, {{"a", record_of(1)}, {"b", record_of(2)}}, 2);
  CheckpointData data = data_of(p0, 6, {{"c", record_of(3)}}, 2);
  data.add_erased("a");
  const Status written = store->write(data);
  ASSERT_TRUE(written) << written.error().message;
  const auto loaded = load(*store, p0);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->records, (Records{{"b", record_of(2)}, {"c", record_of(3)}}));
}

// A restore that is cut short must not pass for a checkpoint, neither for the one before it nor for the one after.
TEST(CheckpointStore, WhatIsWrittenPieceByPieceCountsOnlyWithTheLastPiece) {
  const TemporaryFolder folder;
  auto store = opened(folder.path() / "s");
  write(*store, p0, 5, {{"a", record_of(1)}, {"b", record_of(2)}}, 2);
  CheckpointData piece = data_of(p0, 9, {{"a", record_of(3)}}, 2);
  const Status written = store->write_part(piece);
  ASSERT_TRUE(written) << written.error().message;
  store.reset();
  store = opened(folder.path() / "s");
  EXPECT_EQ(load(*store, p0).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(store->marker(p0).value(), std::nullopt);
  CheckpointData last = data_of(p0, 9, {}, 1);
  last.add_erased("b");
  ASSERT_TRUE(store->write(last));
  const auto loaded = load(*store, p0);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->marker->step, 9U);
  EXPECT_EQ(loaded->records, (Records{{"a", record_of(3)}}));
}

TEST(CheckpointStore, LeftoversOfACutShortCheckpointAreRemoved) {
  const TemporaryFolder folder;
  write(*opened(folder.path() / "s"), p0, 5, {{"a", record_of(1)}}, 1);
  testing::write_file(folder.path() / "s" / "tmp" / "p0-6.sst", "half of a file");
  const auto store = opened(folder.path() / "s");
  EXPECT_TRUE(fs::is_empty(folder.path() / "s" / "tmp"));
  EXPECT_EQ(load(*store, p0)->marker->step, 5U);
}

// ---------------------------------------------------------------------------------------------------------------------
// Damage

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Three checkpoints of two partitions. states[n]: what partition 0 holds after the checkpoint of step n.
std::vector<Records> make_history(const fs::path& path) {
  std::vector<Records> states{{}};
  const auto store = opened(path);
  Records now;
  for (std::uint64_t step = 1; step <= 3; ++step) {
    Records changed;
    for (std::uint64_t i = 0; i < 200 * step; i += step) changed["customer-" + std::to_string(i)] = record_of(i + step);
    for (const auto& [id, record] : changed) now[id] = record;
    write(*store, p0, step, changed, now.size());
    write(*store, p7, step, {{"x", record_of(step)}}, 1);
    states.push_back(now);
  }
  return states;
}

/// Opens and loads; what comes back is a whole checkpoint, nothing, or an error that says what to do about it.
/// Returns what happened.
std::string look(const fs::path& path, const std::vector<Records>& states) {
  const auto judge = [](const Error& error) {
    EXPECT_TRUE(error.kind == ErrorKind::corrupt || error.kind == ErrorKind::incompatible) << error.message;
    EXPECT_THAT(error.message, ::testing::AnyOf(HasSubstr("damaged"), HasSubstr("application_id"), HasSubstr("format"),
                                                HasSubstr("marker")));
    return std::string("error");
  };
  auto store = open(path);
  if (!store) return judge(store.error());
  const auto loaded = load(**store, p0);
  if (!loaded) return judge(loaded.error());
  if (!loaded->marker) return "nothing";
  const std::uint64_t step = loaded->marker->step;
  EXPECT_TRUE(step >= 1 && step <= 3) << step;
  EXPECT_EQ(loaded->records, states[step]) << "of step " << step;
  return step == 3 ? "latest" : "earlier";
}

void for_each_file(const fs::path& whole,
                   const std::function<void(const fs::path& copy, const fs::path& file)>& visit) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::recursive_directory_iterator(whole)) {
    if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), whole));
  }
  std::ranges::sort(names);
  for (const fs::path& name : names) {
    const TemporaryFolder folder;
    const fs::path copy = folder.path() / "s";
    fs::copy(whole, copy, fs::copy_options::recursive);
    SCOPED_TRACE(name.string());
    visit(copy, copy / name);
  }
}

TEST(CheckpointStore, FlippedBitsNeverGiveAnythingButAWholeCheckpoint) {
  const TemporaryFolder folder;
  const auto states = make_history(folder.path() / "s");
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::string, int> seen;
  for (int round = 0; round < 12; ++round) {
    for_each_file(folder.path() / "s", [&](const fs::path& copy, const fs::path& file) {
      std::string bytes = bytes_of(file);
      if (bytes.empty()) return;
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
      put_bytes(file, bytes);
      ++seen[look(copy, states)];
    });
  }
  EXPECT_GT(seen["error"], 0) << "no flip did any harm: nothing was tested";
  EXPECT_GT(seen["latest"], 0);
}

TEST(CheckpointStore, CutShortFilesNeverGiveAnythingButAWholeCheckpoint) {
  const TemporaryFolder folder;
  const auto states = make_history(folder.path() / "s");
  std::mt19937_64 random(std::random_device{}());
  std::map<std::string, int> seen;
  for (int round = 0; round < 6; ++round) {
    for_each_file(folder.path() / "s", [&](const fs::path& copy, const fs::path& file) {
      const std::string bytes = bytes_of(file);
      const std::size_t keep = round == 0 || bytes.empty() ? 0 : random() % bytes.size();
      SCOPED_TRACE("cut to " + std::to_string(keep) + " of " + std::to_string(bytes.size()));
      put_bytes(file, bytes.substr(0, keep));
      ++seen[look(copy, states)];
    });
  }
  EXPECT_GT(seen["error"], 0);
}

TEST(CheckpointStore, MissingFilesNeverGiveAnythingButAWholeCheckpoint) {
  const TemporaryFolder folder;
  const auto states = make_history(folder.path() / "s");
  for_each_file(folder.path() / "s", [&](const fs::path& copy, const fs::path& file) {
    // Former ones may lie there until they are deleted.
    const bool manifest = bytes_of(copy / "db" / "CURRENT") == file.filename().string() + "\n";
    fs::remove(file);
    const std::string found = look(copy, states);
    const std::string extension = file.extension().string();
    if (extension == ".sst" || file.filename() == "HOLDFAST" || file.filename() == "CURRENT" || manifest) {
      EXPECT_EQ(found, "error") << "a checkpoint's file is missing";
    }
  });
}

/// A disk whose owner has used up what is granted to them, while it is told to be so.
// RocksDB stops where a MANIFEST cannot be written, and does not come back from it by itself.
TEST(CheckpointStore, AFullDiskWhereItsFilesAreListedIsGotOver) {
  const TemporaryFolder folder;
  testing::SimulatedFiles files(false);
  testing::SimulatedEnv env(files);
  const auto opened = RocksStore::open({.directory = folder.path() / "s", .application_id = "shop", .env = &env});
  ASSERT_TRUE(opened) << opened.error().message;
  RocksStore& store = **opened;
  write(store, p0, 1, {{"a", record_of(1)}, {"b", record_of(1)}}, 2);
  CheckpointData erased = data_of(p0, 2, {}, 1);
  erased.add_erased("a");
  ASSERT_TRUE(store.write(erased));
  for (int again = 0; again < 3; ++again) {
    files.set_full(true);
    CheckpointData fresh = data_of(p7, 1, {{"c", record_of(1)}}, 1);
    const Status written = store.write(fresh);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::unavailable) << written.error().message;
    EXPECT_FALSE(store.purge());
    EXPECT_FALSE(store.load(p0, [](auto, auto) {})) << "it cannot be opened anew";
    files.set_full(false);
    EXPECT_EQ(load(store, p0)->records, (Records{{"b", record_of(1)}}));
  }
  write(store, p7, 1, {{"c", record_of(1)}}, 1);
  EXPECT_EQ(load(store, p7)->marker->step, 1U);
  EXPECT_EQ(store.unpurged(), 1U);
  ASSERT_TRUE(store.purge());
  EXPECT_EQ(store.unpurged(), 0U);
}

class QuotaEnv final : public rocksdb::EnvWrapper {
 public:
  QuotaEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    if (used_up) return rocksdb::Status::IOError("While open a file for appending: " + name, std::strerror(EDQUOT));
    return EnvWrapper::NewWritableFile(name, file, options);
  }
  bool used_up = false;
};

TEST(CheckpointStore, AnExceededQuotaIsAFullDisk) {
  const TemporaryFolder folder;
  QuotaEnv env;
  const auto store = RocksStore::open({.directory = folder.path() / "s", .application_id = "shop", .env = &env});
  ASSERT_TRUE(store) << store.error().message;
  write(**store, p0, 1, {{"a", record_of(1)}}, 1);
  CheckpointData next = data_of(p0, 2, {{"b", record_of(2)}}, 2);
  env.used_up = true;
  const Status refused = (*store)->write(next);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().message;
  EXPECT_THAT(refused.error().message, HasSubstr("make room"));
  env.used_up = false;
  EXPECT_TRUE((*store)->write(next));
  EXPECT_EQ(load(**store, p0)->marker->step, 2U);
}

// ---------------------------------------------------------------------------------------------------------------------
// Interruptions: what is killed or limited is a process of its own. RocksDB's threads do not survive a fork, so it is
// this program started anew: `child_work` says what it does in place of its tests.

constexpr const char* child_work = "HOLDFAST_TEST_CHECKPOINT_CHILD";
constexpr const char* child_path = "HOLDFAST_TEST_CHECKPOINT_PATH";
constexpr int not_permitted = 77;

pid_t start_child(const std::string& work, const fs::path& path) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv(child_work, work.c_str(), 1);
  ::setenv(child_path, path.c_str(), 1);
  ::execl("/proc/self/exe", "child", nullptr);
  ::_exit(127);
}

/// Its exit status; 128 + n for death by signal n.
int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr std::uint64_t turns = 7;
constexpr std::uint64_t customers = 700;

/// The checkpoint of a step changes every seventh customer.
Records changes_of(std::uint64_t step) {
  Records changed;
  for (std::uint64_t i = step % turns; i < customers; i += turns) changed["c" + std::to_string(i)] = record_of(step);
  return changed;
}

std::uint64_t customers_after(std::uint64_t step) { return std::min(step, turns) * (customers / turns); }

void expect_state_of_step(const Loaded& loaded) {
  ASSERT_TRUE(loaded.marker);
  const std::uint64_t last = loaded.marker->step;
  ASSERT_EQ(loaded.records.size(), customers_after(last));
  for (std::uint64_t step = last; step > 0 && step + turns > last; --step) {
    for (const auto& [id, record] : changes_of(step)) ASSERT_EQ(loaded.records.at(id), record) << "step " << step;
  }
}

/// One of those that a child erases.
std::string erased_id(std::uint64_t i) {
  std::mt19937_64 random(i);
  return random_id(random, static_cast<char>('a' + i % 26));
}

/// Never ends by itself but by an error.
int write_on(const fs::path& path) {
  const auto store = open(path);
  if (!store) return 1;
  const auto before = (*store)->marker(p0);
  if (!before) return 2;
  for (std::uint64_t step = before->value_or(Marker{}).step + 1;; ++step) {
    CheckpointData data = data_of(p0, step, changes_of(step), customers_after(step));
    if (!(*store)->write(data)) return 3;
  }
}

TEST(CheckpointStore, AKillAtAnyMomentLeavesAWholeCheckpoint) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "s";
  std::mt19937_64 random(std::random_device{}());
  std::uint64_t before = 0;
  for (int kill = 0; kill < 15; ++kill) {
    const pid_t child = start_child("write_on", path);
    std::this_thread::sleep_for(std::chrono::microseconds(50'000 + random() % 150'000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), 128 + SIGKILL) << "it ended by itself";
    const auto store = opened(path);
    const auto loaded = load(*store, p0);
    ASSERT_TRUE(loaded) << loaded.error().message;
    if (!loaded->marker) continue;
    ASSERT_GE(loaded->marker->step, before) << "a checkpoint that was there is gone";
    expect_state_of_step(*loaded);
    before = loaded->marker->step;
  }
  EXPECT_GT(before, 0U) << "every kill came before the first checkpoint";
}

/// Erases customers one after the other and purges, until it is killed.
int erase_on(const fs::path& path) {
  const auto store = open(path);
  if (!store) return 1;
  for (std::uint64_t i = 0; i < customers; ++i) {
    const auto marker = (*store)->marker(p0);
    if (!marker || !*marker) return 2;
    const std::string id = erased_id(i);
    const auto there = (*store)->find(p0, id);
    if (!there) return 3;
    if (!*there) continue;
    CheckpointData data = data_of(p0, (*marker)->step + 1, {}, (*marker)->customers - 1);
    data.add_erased(id);
    if (!(*store)->write(data)) return 4;
    if (i % 3 == 2 && !(*store)->purge()) return 5;
  }
  return 6;
}

TEST(CheckpointStore, AKillAtAnyMomentLosesNoPurge) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "s";
  Records all;
  for (std::uint64_t i = 0; i < customers; ++i) all[erased_id(i)] = record_of(i);
  write(*opened(path), p0, 1, all, all.size());
  std::mt19937_64 random(std::random_device{}());
  std::size_t erased = 0;
  for (int kill = 0; kill < 12; ++kill) {
    const pid_t child = start_child("erase_on", path);
    std::this_thread::sleep_for(std::chrono::microseconds(50'000 + random() % 250'000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), 128 + SIGKILL) << "it ended by itself";
    const auto store = opened(path);
    const auto loaded = load(*store, p0);
    ASSERT_TRUE(loaded) << loaded.error().message;
    while (store->unpurged() > 0) ASSERT_TRUE(store->purge());
    erased = 0;
    for (const auto& [id, record] : all) {
      if (loaded->records.contains(id)) continue;
      ++erased;
      ASSERT_THAT(files_with(path, id), ::testing::IsEmpty()) << id;
    }
  }
  EXPECT_GT(erased, 0U);
}

/// Writes until there is no more room, makes some, writes on. The status says which expectation failed.
int fill_and_go_on(const fs::path& path, const std::function<void()>& limit, const std::function<void()>& make_room) {
  auto store = open(path);
  if (!store) return 10;
  for (std::uint64_t step = 1; step <= turns; ++step) {
    CheckpointData data = data_of(p0, step, changes_of(step), customers_after(step));
    if (!(*store)->write(data)) return 11;
  }
  limit();
  Records large;
  std::mt19937_64 random(1);
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    std::string record(record_size, '\0');
    for (std::size_t at = 0; at + 8 <= record.size(); at += 8) {
      const std::uint64_t word = random();
      std::memcpy(record.data() + at, &word, 8);
    }
    large["large" + std::to_string(i)] = record;
  }
  CheckpointData data = data_of(p0, turns + 1, large, customers + large.size());
  const Status refused = (*store)->write(data);
  if (refused) return 12;
  if (refused.error().kind != ErrorKind::unavailable) return 13;
  if (refused.error().message.find("make room") == std::string::npos) return 14;
  const auto still = load(**store, p0);
  if (!still || still->marker->step != turns) return 15;
  make_room();
  if (!(*store)->write(data)) return 16;
  const auto now = load(**store, p0);
  if (!now || now->marker->step != turns + 1 || now->records.size() != customers + large.size()) return 17;
  store->reset();
  const auto reopened = open(path);
  if (!reopened) return 18;
  const auto last = load(**reopened, p0);
  return last && last->records.size() == customers + large.size() ? 0 : 19;
}

/// On a disk of its own that goes with the process.
int fill_a_disk(const fs::path& mount) {
  if (!testing::mount_private_disk(mount, "size=40m")) return not_permitted;
  const fs::path ballast = mount / "ballast";
  return fill_and_go_on(
      mount / "s", [&] { put_bytes(ballast, std::string(38 << 20, 'b')); }, [&] { fs::remove(ballast); });
}

void limit_file_size(rlim_t bytes) {
  rlimit size{};
  ::getrlimit(RLIMIT_FSIZE, &size);
  size.rlim_cur = std::min(bytes, size.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &size);
}

int reach_a_file_size_limit(const fs::path& folder) {
  ::signal(SIGXFSZ, SIG_IGN);
  return fill_and_go_on(folder / "s", [] { limit_file_size(1 << 20); }, [] { limit_file_size(RLIM_INFINITY); });
}

TEST(CheckpointStore, AFullDiskKeepsTheEarlierCheckpointAndIsGotOver) {
  const TemporaryFolder folder;
  const int status = wait_for(start_child("fill_a_disk", folder.path()));
  if (status == not_permitted) GTEST_SKIP() << "this process may not mount a disk";
  EXPECT_EQ(status, 0);
}

TEST(CheckpointStore, AFileSizeLimitIsGotOverToo) {
  const TemporaryFolder folder;
  EXPECT_EQ(wait_for(start_child("reach_a_file_size_limit", folder.path())), 0);
}

/// Does a child's work in place of its tests.
class ChildWork final : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* const work = std::getenv(child_work);
    if (work == nullptr) return;
    const std::string name = work;
    const fs::path path = std::getenv(child_path);
    if (name == "write_on") ::_exit(write_on(path));
    if (name == "erase_on") ::_exit(erase_on(path));
    if (name == "fill_a_disk") ::_exit(fill_a_disk(path));
    if (name == "reach_a_file_size_limit") ::_exit(reach_a_file_size_limit(path));
    ::_exit(126);
  }
};

[[maybe_unused]] const auto* const environment = ::testing::AddGlobalTestEnvironment(new ChildWork);

}  // namespace
}  // namespace holdfast::state
