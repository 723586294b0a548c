// What was erased is gone from every file, once it is purged.

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/checkpoint_store.hpp"
#include "tests/support/process.hpp"
#include "tests/support/stored.hpp"

namespace holdfast::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// A state of some checkpoints, and customers at all places in it.
class Purge : public ::testing::Test {
 protected:
  Purge() {
    for (int i = 0; i < 3000; ++i) now_[random_id(random_, "bcdmnxyz"[i % 8])] = record_of(random_());
    least_ = random_id(random_, 'a');
    middle_ = random_id(random_, 'm');
    greatest_ = random_id(random_, 'z') + "~";
    greatest_[1] = '~';
    for (const auto& id : {least_, middle_, greatest_}) now_[id] = record_of(7);
  }

  void begin(RocksStore& store) {
    write(store, p0, 1, now_, now_.size());
    write(store, p7, 1, {{"somebody else", record_of(1)}}, 1);
    // Of some files each is the least, the greatest, or all there is.
    write(store, p0, 2, {{least_, record_of(8)}, {middle_, record_of(8)}}, now_.size());
    write(store, p0, 3, {{middle_, record_of(9)}, {greatest_, record_of(9)}}, now_.size());
    write(store, p0, 4, {{greatest_, record_of(10)}}, now_.size());
    write(store, p0, 5, {{least_, record_of(10)}}, now_.size());
    now_[middle_] = record_of(9);
    now_[least_] = now_[greatest_] = record_of(10);
  }
  void erase(RocksStore& store, std::uint64_t step, const std::vector<std::string>& ids) {
    for (const auto& id : ids) now_.erase(id);
    CheckpointData data = data_of(p0, step, {}, now_.size());
    for (const auto& id : ids) data.add_erased(id);
    const Status written = store.write(data);
    ASSERT_TRUE(written) << written.error().message;
  }
  void purge_all(RocksStore& store) {
    while (store.unpurged() > 0) {
      const Status purged = store.purge();
      ASSERT_TRUE(purged) << purged.error().message;
    }
  }
  void expect_on_disk(const std::string& id) const { EXPECT_FALSE(files_with(path_, id).empty()) << id; }
  void expect_not_on_disk(const std::string& id) const {
    EXPECT_THAT(files_with(path_, id), ::testing::IsEmpty()) << id;
  }

  std::mt19937_64 random_{7};
  const TemporaryFolder folder_;
  const fs::path path_ = folder_.path() / "s";
  Records now_;
  std::string least_;
  std::string middle_;
  std::string greatest_;
};

TEST_F(Purge, LeavesNoByteOfAnErasedIdOnTheDisk) {
  const auto store = opened(path_);
  begin(*store);
  for (const auto& id : {least_, middle_, greatest_}) expect_on_disk(id);
  EXPECT_EQ(store->unpurged(), 0U);
  erase(*store, 6, {least_, middle_, greatest_});
  EXPECT_EQ(store->unpurged(), 1U);
  for (const auto& id : {least_, middle_, greatest_}) expect_on_disk(id);
  purge_all(*store);
  for (const auto& id : {least_, middle_, greatest_}) expect_not_on_disk(id);
  // Nothing else is gone, and it goes on.
  EXPECT_TRUE(load(*store, p0)->records == now_);
  EXPECT_EQ(load(*store, p7)->marker->step, 1U);
  expect_on_disk(now_.begin()->first);
  write(*store, p0, 7, {{"new", record_of(1)}}, now_.size() + 1);
  for (const auto& id : {least_, middle_, greatest_}) expect_not_on_disk(id);
}

TEST_F(Purge, HoldsAfterAReopening) {
  {
    const auto store = opened(path_);
    begin(*store);
    erase(*store, 6, {greatest_});
    purge_all(*store);
  }
  expect_not_on_disk(greatest_);
  const auto store = opened(path_);
  EXPECT_EQ(store->unpurged(), 0U);
  expect_not_on_disk(greatest_);
  EXPECT_TRUE(load(*store, p0)->records == now_);
}

// Between two checkpoints: no deletion was ever written, and the former record is as much of a secret.
TEST_F(Purge, IsDueWhenARecordTakesThePlaceOfAnErasedOne) {
  const auto store = opened(path_);
  begin(*store);
  now_[middle_] = record_of(11);
  CheckpointData data = data_of(p0, 6, {{middle_, record_of(11)}}, now_.size());
  data.replaces_erased = true;
  ASSERT_TRUE(store->write(data));
  EXPECT_EQ(store->unpurged(), 1U);
  purge_all(*store);
  EXPECT_TRUE(load(*store, p0)->records == now_);
}

TEST_F(Purge, IsKnownToBeDueAfterAReopening) {
  {
    const auto store = opened(path_);
    begin(*store);
    erase(*store, 6, {least_, greatest_});
  }
  expect_on_disk(least_);
  const auto store = opened(path_);
  // The other partition too, if a file that is of no use any more was not deleted in time; none, if RocksDB has
  // compacted by itself all that held them.
  EXPECT_TRUE(store->unpurged() > 0 || files_with(path_, least_).empty());
  purge_all(*store);
  expect_not_on_disk(least_);
  expect_not_on_disk(greatest_);
  expect_on_disk(middle_);
  EXPECT_TRUE(load(*store, p0)->records == now_);
}

TEST_F(Purge, LeavesWhoCameBack) {
  const auto store = opened(path_);
  begin(*store);
  erase(*store, 6, {middle_});
  now_[middle_] = record_of(11);
  write(*store, p0, 7, {{middle_, record_of(11)}}, now_.size());
  purge_all(*store);
  EXPECT_TRUE(load(*store, p0)->records == now_);
  erase(*store, 8, {middle_});
  purge_all(*store);
  expect_not_on_disk(middle_);
}

TEST_F(Purge, ServesRestoresAndClearsOfOthersMeanwhile) {
  const auto store = opened(path_);
  begin(*store);
  std::atomic<bool> done = false;
  std::thread restoring([&] {
    for (std::uint64_t step = 1; !done; ++step) {
      CheckpointData data = data_of(Partition{3}, step, {{"c" + std::to_string(step), record_of(step)}}, 1);
      ASSERT_TRUE(store->write(data));
      ASSERT_TRUE(load(*store, Partition{3})->marker);
      ASSERT_TRUE(store->clear(Partition{3}));
    }
  });
  for (std::uint64_t step = 6; step < 16; ++step) {
    const std::string id = now_.begin()->first;
    erase(*store, step, {id});
    Status purged = store->purge();
    for (int i = 0; i < 20 && !purged; ++i) purged = store->purge();
    EXPECT_TRUE(purged) << purged.error().message;
    expect_not_on_disk(id);
  }
  done = true;
  restoring.join();
  EXPECT_TRUE(load(*store, p0)->records == now_);
}

TEST_F(Purge, OfAClearedPartitionIsNotNeeded) {
  const auto store = opened(path_);
  begin(*store);
  erase(*store, 6, {middle_});
  ASSERT_TRUE(store->clear(p0));
  EXPECT_EQ(store->unpurged(), 0U);
  for (const auto& id : {least_, middle_, greatest_}) expect_not_on_disk(id);
}

}  // namespace
}  // namespace holdfast::state
