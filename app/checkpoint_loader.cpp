#include "app/checkpoint_loader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "domain/limits.hpp"
#include "engine/customer.hpp"

namespace holdfast::app {
namespace {

/// Customers that a restore holds before it writes them to the store: some ten megabytes.
constexpr std::uint32_t piece_records = 1 << 16;

/// Readings of a changelog from its beginning that have to fail before it counts as damaged.
constexpr int whole_readings = 3;

constexpr std::string_view unsound = "it holds a record that no customer can have";

bool is_sound(std::string_view id, std::string_view record) {
  return !id.empty() && id.size() <= limits::customer_id_bytes_max && engine::is_customer_record(record);
}

/// Only looks for the last checkpoint.
class LastMarker final : public ChangelogVisitor {
 public:
  Status record(std::string_view, std::string_view) override { return {}; }
  Status erased(std::string_view) override { return {}; }
  Status marker(const Marker& marker, Offset) override {
    step = marker.step;
    return {};
  }
  std::optional<std::uint64_t> step;
};

}  // namespace

CheckpointLoader::CheckpointLoader(const CheckpointTerms& terms, ChangelogReader* changelog, CheckpointStore& store,
                                   Statistics& statistics, Say say, std::function<bool()> abandoned)
    : terms_(terms),
      share_(terms.memory),
      changelog_(changelog),
      store_(store),
      statistics_(statistics),
      say_(std::move(say)),
      abandoned_(std::move(abandoned)) {}

void CheckpointLoader::share_memory(std::size_t tables) {
  share_.bytes_max = terms_.memory.bytes_max / std::max<std::size_t>(1, tables);
}

std::unique_ptr<state::HotTable> CheckpointLoader::make_table() const {
  return std::make_unique<state::HotTable>(sizeof(engine::Customer), share_);
}

Expected<LoadedCheckpoint> CheckpointLoader::load(Partition partition) {
  LoadedCheckpoint into;
  if (const Status loaded = load_local(partition, into); !loaded) return std::unexpected(loaded.error());
  if (changelog_ == nullptr) return into;
  const std::lock_guard alone(changelog_use_);
  // Each waits until the one before has read its part.
  if (abandoned_()) return fail(ErrorKind::rollback, "the partitions have moved on");
  if (const Status followed = follow_changelog(partition, into); !followed) return std::unexpected(followed.error());
  return into;
}

Status CheckpointLoader::check_changelog() {
  if (changelog_ == nullptr) return {};
  const auto partitions = changelog_->partitions();
  if (!partitions) return std::unexpected(partitions.error());
  if (*partitions == terms_.partitions) return {};
  return fail(ErrorKind::incompatible,
              "each source has " + std::to_string(terms_.partitions) + " partitions, the changelog has " +
                  std::to_string(*partitions) +
                  ": if the sources got more, customers lie in other partitions than before: begin anew with another "
                  "application_id; otherwise delete the changelog and let `holdfast topics --create` make it again");
}

Status CheckpointLoader::load_local(Partition partition, LoadedCheckpoint& into) {
  into.table = make_table();
  auto& loaded_records = statistics_.partitions[static_cast<std::size_t>(partition.value)].loaded_records;
  bool sound = true;
  auto marker = store_.load(partition, [&](std::string_view id, std::string_view record) {
    sound = sound && is_sound(id, record);
    if (sound) into.table->load(id, record);
    loaded_records.add(1);
  });
  into.table->finish_loading();
  if (!marker && marker.error().kind != ErrorKind::corrupt) return std::unexpected(marker.error());
  if (marker && *marker) {
    if (const Status fits = check_marker(**marker, "the checkpoint"); !fits) return fits;
  }
  if (marker && sound) {
    into.marker = *marker;
    return {};
  }
  say_((marker ? "the checkpoint of " + to_string(partition) + " is damaged: " + std::string(unsound)
               : marker.error().message) +
       "; " + to_string(partition) + " is restored from " + (changelog_ != nullptr ? "the changelog" : "the log"));
  return forget(partition, into);
}

Status CheckpointLoader::forget(Partition partition, LoadedCheckpoint& into) {
  into.table = make_table();
  into.marker.reset();
  return store_.clear(partition);
}

Status CheckpointLoader::check_marker(const Marker& marker, std::string_view what) const {
  const std::string subject = std::string(what) + " of " + to_string(marker.partition);
  if (marker.record_format != engine::customer_format)
    return fail(ErrorKind::incompatible,
                subject + " holds customer records of format " + std::to_string(marker.record_format) +
                    ", this release knows " + std::to_string(engine::customer_format) +
                    ": run the release that wrote it, or begin anew with another application_id");
  if (marker.position.sources != terms_.sources)
    return fail(ErrorKind::incompatible, subject + " was made with " + std::to_string(marker.position.sources) +
                                             " sources, the configuration has " + std::to_string(terms_.sources) +
                                             ": restore the sources and their order, or begin anew with another "
                                             "application_id");
  if (marker.topics != terms_.topics)
    return fail(ErrorKind::incompatible,
                subject +
                    " was made of other topics, where its positions mean something else: restore the names of the "
                    "sources' topics and their order, or begin anew with another application_id");
  if (marker.partitions != 0 && marker.partitions != terms_.partitions)
    return fail(ErrorKind::incompatible,
                subject + " was made when each source had " + std::to_string(marker.partitions) +
                    " partitions, and now they have " + std::to_string(terms_.partitions) +
                    ": customers lie in other partitions than before. Restore the number, or begin anew with another "
                    "application_id");
  if (terms_.models == nullptr) return {};
  for (const ModelGeneration& generation : marker.models) {
    if (const auto model = terms_.models->read(generation.model); !model)
      return fail(ErrorKind::incompatible,
                  subject +
                      " was made under a model that this release cannot read: run the release that took it, or "
                      "begin anew with another application_id. Its faults: " +
                      model.error().message);
  }
  return {};
}

/// Puts what a changelog holds into table and store, piece by piece.
class CheckpointLoader::Restoration final : public ChangelogVisitor {
 public:
  Restoration(CheckpointLoader& loader, Partition partition, state::HotTable& table)
      : loader_(loader), partition_(partition), table_(table) {}

  Status record(std::string_view id, std::string_view record) override {
    if (record.size() == sizeof(engine::Customer) && !is_sound(id, record))
      return fail(ErrorKind::corrupt, std::string(unsound));
    if (record.size() != sizeof(engine::Customer))
      return fail(ErrorKind::incompatible, "a customer's record in the changelog of " + to_string(partition_) +
                                               " has " + std::to_string(record.size()) +
                                               " bytes: run the release that wrote it");
    const Slot slot = table_.find_or_insert(make_customer_key(id)).first;
    std::memcpy(table_.modify(slot), record.data(), record.size());
    loader_.statistics_.partitions[static_cast<std::size_t>(partition_.value)].loaded_records.add(1);
    return table_.changed() < piece_records ? Status{} : write_piece();
  }
  Status erased(std::string_view id) override {
    if (const auto slot = table_.find(make_customer_key(id))) table_.erase(*slot);
    return {};
  }
  Status marker(const Marker& marker, Offset behind) override {
    if (last_ && marker.step < last_->step)
      return fail(ErrorKind::corrupt,
                  "it goes back from step " + std::to_string(last_->step) + " to step " + std::to_string(marker.step));
    last_ = marker;
    last_->changelog = behind;
    return {};
  }

  /// The last checkpoint that came; no value: none did.
  [[nodiscard]] const std::optional<Marker>& last() const { return last_; }
  /// Makes it the store's. REQUIRES: last().
  Status finish() {
    CheckpointData rest = take_piece();
    rest.marker = *last_;
    return loader_.store_.write(rest);
  }

 private:
  CheckpointData take_piece() {
    CheckpointData piece;
    table_.freeze(piece);
    (void)table_.copy_frozen(table_.slots_end().value);
    piece.marker.partition = partition_;
    return piece;
  }
  Status write_piece() {
    if (loader_.abandoned_()) return fail(ErrorKind::rollback, "the partitions have moved on");
    CheckpointData piece = take_piece();
    return loader_.store_.write_part(piece);
  }

  CheckpointLoader& loader_;
  const Partition partition_;
  state::HotTable& table_;
  std::optional<Marker> last_;
};

// What others wrote since this machine's checkpoint, or all if it has none.
Status CheckpointLoader::follow_changelog(Partition partition, LoadedCheckpoint& into) {
  if (into.marker) {
    if (into.marker->changelog >= Offset{0}) {
      const auto followed = restore_from_changelog(partition, into, into.marker->changelog);
      if (!followed) return std::unexpected(followed.error());
      if (*followed) return {};
    }
    // The checkpoint was not written to this changelog: it was made without one, or the topic was made anew.
    LastMarker last;
    if (const auto read = changelog_->read(partition, Offset{0}, last); !read) return std::unexpected(read.error());
    if (!last.step || *last.step <= into.marker->step) {
      into.changelog_complete = false;
      return {};
    }
    if (const Status forgotten = forget(partition, into); !forgotten) return forgotten;
  }
  if (const auto restored = restore_from_changelog(partition, into, Offset{0}); !restored)
    return std::unexpected(restored.error());
  return {};
}

// False: it is not the log that the offset was taken from, and nothing has changed.
//
// A note that a customer was erased may have been removed before it was read: since the place to go on from, or in the
// midst of a reading from the beginning. The next one from there no longer meets the customer at all.
Expected<bool> CheckpointLoader::restore_from_changelog(Partition partition, LoadedCheckpoint& into, Offset from) {
  for (int whole = 0;; from = Offset{0}) {
    const auto reading = read_changelog(partition, into, from);
    if (!reading) return std::unexpected(reading.error());
    if (reading->is_other_log) return false;
    if (!reading->fault) return true;
    if (const Status forgotten = forget(partition, into); !forgotten) return std::unexpected(forgotten.error());
    if (from == Offset{0}) ++whole;
    if (whole < whole_readings) continue;
    say_("the changelog of " + to_string(partition) + " is damaged: " + *reading->fault +
         "; the state is rebuilt from the log");
    into.changelog_complete = false;
    return true;
  }
}

Expected<CheckpointLoader::Reading> CheckpointLoader::read_changelog(Partition partition, LoadedCheckpoint& into,
                                                                     Offset from) {
  Restoration restoration(*this, partition, *into.table);
  const auto end = changelog_->read(partition, from, restoration);
  if (!end && end.error().kind == ErrorKind::corrupt) return Reading{.fault = end.error().message};
  if (!end) return std::unexpected(end.error());
  if (*end < from) return Reading{.is_other_log = true, .fault = {}};
  if (!restoration.last()) {
    if (into.table->changed() == 0) return Reading{};  // Nothing came.
    return Reading{.fault = "it has records without a checkpoint"};
  }
  if (const Status fits = check_marker(*restoration.last(), "the changelog"); !fits)
    return std::unexpected(fits.error());
  if (into.table->size() != restoration.last()->customers)
    return Reading{.fault = "it leads to " + std::to_string(into.table->size()) + " customers, its checkpoint has " +
                            std::to_string(restoration.last()->customers)};
  if (const Status finished = restoration.finish(); !finished) return std::unexpected(finished.error());
  into.marker = restoration.last();
  return Reading{};
}

}  // namespace holdfast::app
