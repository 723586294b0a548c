#include "state/checkpoint_store.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include "domain/checkpoint_key.hpp"

namespace holdfast::state {
namespace {

constexpr std::size_t readahead_bytes = 4 << 20;

constexpr int read_only_attempts = 5;

/// How long the files of a purged partition are waited for.
constexpr int deletion_polls = 50;
constexpr int deletion_poll_us = 20'000;

std::string family_name(Partition partition) { return "p" + std::to_string(partition.value); }

std::optional<Partition> partition_named(std::string_view family) {
  Partition partition;
  if (!family.starts_with('p')) return std::nullopt;
  const auto [end, error] = std::from_chars(family.data() + 1, family.data() + family.size(), partition.value);
  if (error != std::errc{} || end != family.data() + family.size()) return std::nullopt;
  return partition;
}

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = std::size_t{16} << 10;
  table.no_block_cache = true;  // Checkpoints are read once, from end to end.
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = std::size_t{64} << 10;  // Never written to: all data is ingested.
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

rocksdb::DBOptions database_options(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;  // Started for each family; few have more than some tens of files.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  // The MANIFEST names the least and the greatest key of every file, also of those that are gone. Begun anew with each
  // change, it names those of the files that there are, a few kilobytes.
  options.max_manifest_file_size = 0;
  options.manifest_preallocation_size = std::size_t{64} << 10;
  options.avoid_unnecessary_blocking_io = true;
  return options;
}

/// RocksDB tells a full disk apart, but not a quota or a limit of the file's size.
bool is_lack_of_space(std::string_view message) {
  constexpr std::array<std::string_view, 3> causes{"No space left", "Disk quota exceeded", "File too large"};
  return std::ranges::any_of(causes,
                             [&](std::string_view cause) { return message.find(cause) != std::string_view::npos; });
}

class Store final : public RocksStore {
 public:
  Store(StoreOptions options, std::unique_ptr<StateDirectory> directory)
      : options_(std::move(options)),
        env_(options_.env != nullptr ? options_.env : rocksdb::Env::Default()),
        directory_(std::move(directory)) {}

  ~Store() override { close(); }

  Status begin() {
    const std::string path = database_path();
    const rocksdb::DBOptions options = database_options(env_);
    std::vector<std::string> names;
    if (env_->FileExists(path + "/CURRENT").ok()) {
      const auto listed = attempt([&] { return rocksdb::DB::ListColumnFamilies(options, path, &names); });
      if (!listed.ok()) return std::unexpected(error_of(listed, "open it"));
    } else if (has_files(path)) {
      return fail(ErrorKind::corrupt, options_.directory.string() + ": the state is damaged: db/CURRENT is missing");
    } else if (options_.read_only) {
      return {};
    } else {
      names.push_back(rocksdb::kDefaultColumnFamilyName);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) descriptors.emplace_back(name, family_options());

    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto opened = attempt([&] {
      return options_.read_only ? rocksdb::DB::OpenForReadOnly(options, path, descriptors, &handles, &db)
                                : rocksdb::DB::Open(options, path, descriptors, &handles, &db);
    });
    if (!opened.ok()) return std::unexpected(error_of(opened, "open it"));
    db_.reset(db);
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (const auto partition = partition_named(names[i])) {
          families_[*partition] = own(handles[i]);
        } else {
          default_family_ = handles[i];
        }
      }
    }
    if (options_.read_only) return {};
    // What was erased and not purged before the last end.
    const bool removed = remove_unused_files().has_value();
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, family] : families_) {
      if (!removed || has_erased(family.get())) unpurged_.insert(partition);
    }
    return remove_leftovers();
  }

  Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) override {
    const auto used = use();
    if (!used) return std::unexpected(used.error());
    const Family family = find_family(partition);
    if (family == nullptr) return std::optional<Marker>{};
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    read.fill_cache = false;
    read.readahead_size = readahead_bytes;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, family.get()));
    it->SeekToFirst();
    if (!it->Valid() && it->status().ok()) return std::optional<Marker>{};

    std::optional<Marker> marker;
    std::uint64_t records = 0;
    for (; it->Valid(); it->Next()) {
      const auto key = it->key().ToStringView();
      const auto value = it->value().ToStringView();
      if (key == checkpoint_key::marker) {
        auto decoded = decode_marker(value);
        if (!decoded) return std::unexpected(decoded.error());
        marker = *decoded;
      } else if (const auto id = checkpoint_key::id_of(key)) {
        visit(*id, value);
        ++records;
      }
    }
    if (!it->status().ok())
      return std::unexpected(error_of(it->status(), "read partition " + std::to_string(partition.value)));
    if (!marker || marker->partition != partition || marker->customers != records)
      return fail(ErrorKind::corrupt,
                  fmt::format("{}: the state is damaged: partition {} has {} records, {}", options_.directory.string(),
                              partition.value, records,
                              marker ? fmt::format("its marker says {}", marker->customers)
                                     : "but no marker: a restore of it was cut short, or files are lost"));
    return marker;
  }

  Status write(CheckpointData& data) override { return write(data, Marking::put); }

  Status write_part(CheckpointData& data) override { return write(data, Marking::remove); }

  Status clear(Partition partition) override {
    const auto used = use();
    if (!used) return std::unexpected(used.error());
    {
      const std::lock_guard lock(mutex_);
      const auto it = families_.find(partition);
      if (it == families_.end()) return {};
      if (const auto dropped = db_->DropColumnFamily(it->second.get()); !dropped.ok())
        return std::unexpected(failed(dropped, "remove a partition from it"));
      families_.erase(it);
      unpurged_.erase(partition);
    }
    if (const auto begun = begin_manifest(default_family_); !begun.ok()) {
      broken_ = true;  // It is cleared all the same.
    } else {
      wait_for_compactions();
      (void)remove_unused_files();
    }
    return {};
  }

  [[nodiscard]] std::size_t unpurged() const override {
    const std::lock_guard lock(mutex_);
    return unpurged_.size();
  }

  Status purge() override {
    const auto used = use();
    if (!used) return std::unexpected(used.error());
    std::optional<Partition> partition;
    {
      const std::lock_guard lock(mutex_);
      if (unpurged_.empty()) return {};
      // Each gets its turn: the next one behind the last.
      const auto next = unpurged_.upper_bound(last_purged_);
      partition = next != unpurged_.end() ? *next : *unpurged_.begin();
      unpurged_.erase(*partition);
      last_purged_ = *partition;
    }
    const Family family = find_family(*partition);
    if (family == nullptr) return {};
    const Status purged = purge(family.get());
    // Unless it was cleared meanwhile.
    if (!purged && find_family(*partition) == family) note_unpurged(*partition);
    return purged;
  }

  [[nodiscard]] std::vector<Partition> partitions() const override {
    const std::lock_guard lock(mutex_);
    std::vector<Partition> out;
    for (const auto& [partition, family] : families_) out.push_back(partition);
    return out;
  }

  [[nodiscard]] Expected<std::optional<Marker>> marker(Partition partition) const override {
    const std::shared_lock used(use_);
    const auto bytes = get(partition, std::string(checkpoint_key::marker));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::optional<Marker>{};
    auto marker = decode_marker(**bytes);
    if (!marker) return std::unexpected(marker.error());
    return std::optional<Marker>{*marker};
  }

  [[nodiscard]] Expected<std::optional<std::string>> find(Partition partition, std::string_view id) const override {
    const std::shared_lock used(use_);
    std::string key;
    checkpoint_key::put_record(key, id);
    return get(partition, key);
  }

 private:
  enum class Marking : std::uint8_t { put, remove };

  Status write(CheckpointData& data, Marking marking) {
    const auto used = use();
    if (!used) return std::unexpected(used.error());
    const auto made = family_of(data.marker.partition);
    if (!made) return std::unexpected(made.error());
    rocksdb::ColumnFamilyHandle* const family = made->get();
    std::ranges::sort(data.entries, [&](const auto& a, const auto& b) { return data.id(a) < data.id(b); });
    const std::string file =
        fmt::format("{}/p{}-{}.sst", scratch_path(), data.marker.partition.value, data.marker.step);
    if (const auto written = write_file(file, data, marking, family); !written.ok()) {
      (void)env_->DeleteFile(file);
      return std::unexpected(error_of(written, "write a checkpoint to it"));
    }
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    ingest.failed_move_fall_back_to_copy = true;
    if (const auto ingested = db_->IngestExternalFile(family, {file}, ingest); !ingested.ok()) {
      (void)env_->DeleteFile(file);
      return std::unexpected(failed(ingested, "write a checkpoint to it"));
    }
    if (data.replaces_erased || std::ranges::any_of(data.entries, &CheckpointData::Entry::erased))
      note_unpurged(data.marker.partition);
    return {};
  }

  /// Held while the database is used; opens it anew first, if it has to be.
  Expected<std::shared_lock<std::shared_mutex>> use() {
    while (true) {
      std::shared_lock used(use_);
      if (!broken_) return used;
      used.unlock();
      const std::unique_lock alone(use_);
      if (!broken_) continue;
      close();
      if (const Status begun = begin(); !begun) return std::unexpected(begun.error());
      broken_ = false;
    }
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      families_.clear();
    }
    if (default_family_ != nullptr) db_->DestroyColumnFamilyHandle(std::exchange(default_family_, nullptr));
    db_.reset();
  }

  /// What changes the database has failed. RocksDB then refuses changes, and its Resume(), once it had to stop (a
  /// MANIFEST on a full disk, say), leaves it in a state in which ingesting a file aborts the process (7.8:
  /// DBImpl::ReserveFileNumbersBeforeIngestion takes "stopped" for an error that is not there). Opened anew it is
  /// sound.
  Error failed(const rocksdb::Status& status, std::string_view what) {
    broken_ = true;
    return error_of(status, what);
  }

  /// Once; read-only, a few times: a running service may delete a file between the look for it and the opening of it.
  template <class Open>
  rocksdb::Status attempt(Open open) const {
    auto status = open();
    for (int i = 1; options_.read_only && !status.ok() && i < read_only_attempts; ++i) status = open();
    return status;
  }

  void note_unpurged(Partition partition) {
    const std::lock_guard lock(mutex_);
    unpurged_.insert(partition);
  }

  /// Whether files say of a record that it was erased: then it may still stand in an older one.
  bool has_erased(rocksdb::ColumnFamilyHandle* family) const {
    rocksdb::TablePropertiesCollection files;
    if (!db_->GetPropertiesOfAllTables(family, &files).ok()) return true;
    return std::ranges::any_of(files, [](const auto& file) { return file.second->num_deletions > 0; });
  }

  // Compacted to its lowest level, a family has neither what was erased nor the notes of it. What is left are the keys
  // in the MANIFEST, and the files until they are deleted.
  Status purge(rocksdb::ColumnFamilyHandle* family) {
    constexpr std::string_view what = "remove what was erased from it";
    rocksdb::CompactRangeOptions compact;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    if (const auto compacted = db_->CompactRange(compact, family, nullptr, nullptr); !compacted.ok()) {
      return std::unexpected(failed(compacted, what));
    }
    if (has_erased(family)) return not_yet("checkpoints were written to it meanwhile");
    if (const auto begun = begin_manifest(family); !begun.ok()) {
      return std::unexpected(failed(begun, what));
    }
    return remove_unused_files();
  }

  [[nodiscard]] Status not_yet(std::string_view why) const {
    return fail(ErrorKind::unavailable, fmt::format("{}: what was erased is not removed from the disk yet: {}",
                                                    options_.directory.string(), why));
  }

  /// A change that changes nothing, since every change begins a MANIFEST. It holds what was before the change.
  rocksdb::Status begin_manifest(rocksdb::ColumnFamilyHandle* family) {
    return db_->SetOptions(family, {{"disable_auto_compactions", "false"}});
  }

  /// One that was under way may still write what was cleared.
  void wait_for_compactions() const {
    std::uint64_t running = 0;
    for (int i = 0; i < deletion_polls; ++i) {
      if (!db_->GetIntProperty(rocksdb::DB::Properties::kNumRunningCompactions, &running) || running == 0) return;
      env_->SleepForMicroseconds(deletion_poll_us);
    }
  }

  /// RocksDB deletes them when it has another reason to look at its folder; allowing it to is one. It does so in the
  /// background, and only once nobody reads them: unavailable, if that takes long.
  Status remove_unused_files() {
    (void)db_->DisableFileDeletions();
    std::vector<std::string> unused = unused_files();
    (void)db_->EnableFileDeletions(true);
    for (int i = 0; i < deletion_polls; ++i) {
      std::erase_if(
          unused, [&](const std::string& name) { return env_->FileExists(database_path() + '/' + name).IsNotFound(); });
      if (unused.empty()) return {};
      env_->SleepForMicroseconds(deletion_poll_us);
    }
    return not_yet("the file " + unused.front() + " of it is in use");
  }

  /// Files that may name customers and are of no use any more.
  [[nodiscard]] std::vector<std::string> unused_files() const {
    std::vector<std::string> used;
    std::uint64_t manifest_size = 0;
    (void)db_->GetLiveFiles(used, &manifest_size, false);
    std::vector<std::string> names;
    (void)env_->GetChildren(database_path(), &names);
    std::erase_if(names, [&](const std::string& name) {
      return (!name.ends_with(".sst") && !name.starts_with("MANIFEST-")) ||
             std::ranges::find(used, '/' + name) != used.end();
    });
    return names;
  }

  [[nodiscard]] std::string database_path() const { return (options_.directory / "db").string(); }
  [[nodiscard]] std::string scratch_path() const { return (options_.directory / "tmp").string(); }

  bool has_files(const std::string& path) const {
    std::vector<std::string> names;
    if (!env_->GetChildren(path, &names).ok()) return false;
    return std::ranges::any_of(
        names, [](const std::string& name) { return name.ends_with(".sst") || name.starts_with("MANIFEST"); });
  }

  // Files of checkpoints that a crash cut short: the earlier checkpoints stand.
  Status remove_leftovers() {
    if (const auto made = env_->CreateDirIfMissing(scratch_path()); !made.ok())
      return std::unexpected(error_of(made, "write to it"));
    std::vector<std::string> names;
    (void)env_->GetChildren(scratch_path(), &names);
    for (const std::string& name : names) {
      if (name.ends_with(".sst")) (void)env_->DeleteFile(scratch_path() + "/" + name);
    }
    return {};
  }

  /// Lives as long as somebody uses it, also when the partition is cleared meanwhile.
  using Family = std::shared_ptr<rocksdb::ColumnFamilyHandle>;

  Family own(rocksdb::ColumnFamilyHandle* family) {
    return {family, [this](rocksdb::ColumnFamilyHandle* handle) { db_->DestroyColumnFamilyHandle(handle); }};
  }

  Family find_family(Partition partition) const {
    const std::lock_guard lock(mutex_);
    const auto it = families_.find(partition);
    return it == families_.end() ? nullptr : it->second;
  }

  Expected<Family> family_of(Partition partition) {
    if (Family family = find_family(partition)) return family;
    rocksdb::ColumnFamilyHandle* made = nullptr;
    if (const auto status = db_->CreateColumnFamily(family_options(), family_name(partition), &made); !status.ok()) {
      return std::unexpected(failed(status, "write a checkpoint to it"));
    }
    const std::lock_guard lock(mutex_);
    return families_[partition] = own(made);
  }

  rocksdb::Status write_file(const std::string& path, const CheckpointData& data, Marking marking,
                             rocksdb::ColumnFamilyHandle* family) {
    const rocksdb::Options options(database_options(env_), family_options());
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options, family);
    if (auto status = writer.Open(path); !status.ok()) return status;
    auto status = marking == Marking::put ? writer.Put(checkpoint_key::marker, encode_marker(data.marker))
                                          : writer.Delete(checkpoint_key::marker);
    std::string key;
    for (const auto& entry : data.entries) {
      if (!status.ok()) return status;
      checkpoint_key::put_record(key, data.id(entry));
      status = entry.erased ? writer.Delete(key) : writer.Put(key, data.record(entry));
    }
    if (!status.ok()) return status;
    return writer.Finish();
  }

  [[nodiscard]] Expected<std::optional<std::string>> get(Partition partition, const std::string& key) const {
    if (db_ == nullptr && broken_)
      return fail(ErrorKind::unavailable, options_.directory.string() + ": it could not be opened anew");
    const Family family = find_family(partition);
    if (family == nullptr) return std::optional<std::string>{};
    std::string value;
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    const auto status = db_->Get(read, family.get(), key, &value);
    if (status.IsNotFound()) return std::optional<std::string>{};
    if (!status.ok()) return std::unexpected(error_of(status, "read it"));
    return std::optional{std::move(value)};
  }

  [[nodiscard]] Error error_of(const rocksdb::Status& status, std::string_view what) const {
    const std::string where = options_.directory.string();
    if (status.IsNoSpace() || is_lack_of_space(status.ToString()))
      return {ErrorKind::unavailable,
              fmt::format("{}: cannot {}: {}; make room on its disk", where, what, status.ToString())};
    const bool damaged = status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument() ||
                         status.ToString().find("No such file") != std::string::npos;
    if (damaged)
      return {ErrorKind::corrupt,
              fmt::format("{}: the state is damaged: cannot {}: {}", where, what, status.ToString())};
    return {ErrorKind::failed, fmt::format("{}: cannot {}: {}", where, what, status.ToString())};
  }

  const StoreOptions options_;
  rocksdb::Env* const env_;
  const std::unique_ptr<StateDirectory> directory_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  mutable std::shared_mutex use_;  ///< Shared by calls that use the database, exclusive while it is opened anew.
  std::atomic<bool> broken_ = false;
  mutable std::mutex mutex_;  ///< Of what follows: partitions are restored while others are checkpointed.
  std::map<Partition, Family> families_;
  std::set<Partition> unpurged_;
  Partition last_purged_{-1};
};

}  // namespace

Expected<std::unique_ptr<RocksStore>> RocksStore::open(const StoreOptions& options) {
  std::unique_ptr<StateDirectory> directory;
  if (options.read_only) {
    if (const Status known = check_state_directory(options.directory, options.application_id); !known)
      return std::unexpected(known.error());
  } else {
    auto taken = StateDirectory::open(options.directory, options.application_id);
    if (!taken) return std::unexpected(taken.error());
    directory = std::move(*taken);
  }
  auto store = std::make_unique<Store>(options, std::move(directory));
  if (const Status begun = store->begin(); !begun) return std::unexpected(begun.error());
  return store;
}

}  // namespace holdfast::state
