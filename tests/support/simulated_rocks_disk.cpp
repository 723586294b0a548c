#include <map>
#include <optional>
#include <string>
#include <utility>

#include "state/checkpoint_store.hpp"
#include "tests/support/process.hpp"
#include "tests/support/simulated_disk.hpp"
#include "tests/support/simulated_files.hpp"

namespace holdfast::testing {
namespace {

/// One call in so many is the last of its process.
constexpr std::uint64_t last_every = 8;
/// After so many changes of files at most: of a call, or of a long one.
constexpr std::uint64_t changes_max = 40;
constexpr std::uint64_t changes_of_long_max = 400;

/// Steps of the checkpoints that were called durable.
using Durable = std::map<Partition, std::uint64_t>;

/// A process's store, which waits and ends with it. RocksDB's background work is done between the calls.
class RocksDiskStore final : public CheckpointStore {
 public:
  RocksDiskStore(SimulatedNode& node, std::unique_ptr<SimulatedEnv> env, std::unique_ptr<state::RocksStore> store,
                 Durable& durable)
      : node_(node), env_(std::move(env)), store_(std::move(store)), durable_(durable) {
    env_->settle();
  }
  ~RocksDiskStore() override {
    if (node_.dead) env_->files().stop_after(0);
    env_->work_in_background(true);
    store_.reset();
  }

  Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) override {
    return call<Expected<std::optional<Marker>>>(8, [&] { return store_->load(partition, visit); });
  }
  Status write(CheckpointData& data) override {
    auto written = call<Status>(4, [&] { return store_->write(data); });
    if (written) durable_[data.marker.partition] = data.marker.step;
    return written;
  }
  Status write_part(CheckpointData& data) override {
    durable_.erase(data.marker.partition);
    return call<Status>(4, [&] { return store_->write_part(data); });
  }
  Expected<std::optional<Marker>> marker(Partition partition) const override { return store_->marker(partition); }
  Status clear(Partition partition) override {
    durable_.erase(partition);
    return call<Status>(4, [&] { return store_->clear(partition); }, true);
  }
  [[nodiscard]] std::size_t unpurged() const override { return store_->unpurged(); }
  Status purge() override {
    return call<Status>(4, [&] { return store_->purge(); }, true);
  }

 private:
  /// `in_background`: the call waits for what is done there.
  template <class Result, class Call>
  Result call(std::uint64_t wait_one_in, Call made, bool in_background = false) {
    if (node_.one_in(wait_one_in)) node_.wait();
    if (node_.dead) return fail(ErrorKind::unavailable, "the process has ended");
    const bool last = node_.may_end && node_.one_in(last_every);
    if (last) env_->files().stop_after(node_.random() % (node_.one_in(4) ? changes_of_long_max : changes_max));
    env_->work_in_background(in_background);
    Result result = made();
    env_->settle();
    if (env_->files().stopped()) {
      node_.ends();
      return fail(ErrorKind::unavailable, "the process has ended");
    }
    if (last) env_->files().go_on();
    return result;
  }

  SimulatedNode& node_;
  const std::unique_ptr<SimulatedEnv> env_;
  std::unique_ptr<state::RocksStore> store_;
  Durable& durable_;
};

class RocksDisk final : public SimulatedDisk {
 public:
  explicit RocksDisk(bool lies) : lies_(lies), honest_(!lies), files_(lies) {}

  Expected<std::unique_ptr<CheckpointStore>> open(SimulatedNode& node) override {
    auto env = std::make_unique<SimulatedEnv>(files_);
    auto store = open(*env, false);
    if (!store && store.error().kind == ErrorKind::corrupt) {
      node.say(store.error().message);
      if (honest_) return fail(ErrorKind::failed, "an honest disk is damaged: " + store.error().message);
      env = std::make_unique<SimulatedEnv>(files_);
      lose();
      store = open(*env, false);
    }
    if (!store) return std::unexpected(store.error());
    if (honest_) {
      for (const auto& [partition, step] : durable_) {
        const auto marker = (*store)->marker(partition);
        if (!marker || !*marker || (*marker)->step < step)
          return fail(ErrorKind::failed, "a checkpoint of step " + std::to_string(step) + " was durable, and is gone");
      }
    }
    return std::make_unique<RocksDiskStore>(node, std::move(env), std::move(*store), durable_);
  }

  std::map<Partition, StoredCheckpoint> checkpoints() override {
    std::map<Partition, StoredCheckpoint> out;
    SimulatedEnv env(files_);
    const auto store = open(env, true);
    if (!store) return out;
    for (const Partition partition : (*store)->partitions()) {
      StoredCheckpoint found;
      const auto marker = (*store)->load(
          partition, [&](std::string_view id, std::string_view record) { found.records.emplace(id, record); });
      if (!marker || !*marker) continue;
      found.marker = **marker;
      out.emplace(partition, std::move(found));
    }
    return out;
  }

  void crash(std::mt19937_64& random) override {
    if (random() % 2 == 0) files_.lose_power(random);
  }
  void lose() override {
    files_.clear();
    durable_.clear();
    honest_ = !lies_;
  }
  void damage(std::mt19937_64& random) override {
    files_.flip_bit(random);
    honest_ = false;
  }
  void set_full(bool full) override { files_.set_full(full); }
  bool full() const override { return files_.full(); }

 private:
  Expected<std::unique_ptr<state::RocksStore>> open(SimulatedEnv& env, bool read_only) {
    return state::RocksStore::open(
        {.directory = directory_.path(), .application_id = "shop", .env = &env, .read_only = read_only});
  }

  /// For the file that says whose the directory is.
  const TemporaryFolder directory_;
  const bool lies_;
  bool honest_;  ///< What it called durable is there, and whole.
  Durable durable_;
  SimulatedFiles files_;
};

}  // namespace

std::unique_ptr<SimulatedDisk> make_rocks_disk(bool lies) { return std::make_unique<RocksDisk>(lies); }

}  // namespace holdfast::testing
