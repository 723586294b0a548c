#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/customer_view.hpp"
#include "app/known_models.hpp"
#include "app/recovery.hpp"
#include "domain/wire.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/memory_log.hpp"

namespace holdfast::fuzz {
namespace {

constexpr std::string_view marker_key("\0", 1);
constexpr char record_prefix = '\1';
constexpr std::int64_t day_ms = 86'400'000;

engine::Model model() {
  return {.id = "",
          .name = "m",
          .time_unit = {7 * day_ms},
          .horizon = {91 * day_ms},
          .mbg = {.r = 0.525, .alpha = 6.183, .a = 0.891, .b = 1.614},
          .gamma_gamma = engine::GammaGammaParameters{.p = 6.25, .q = 3.74, .v = 15.44},
          .logistic = {}};
}

constexpr engine::RiskPolicy policy{.horizon = {91 * day_ms},
                                    .thresholds = {0.60, 0.75, 0.90},
                                    .hysteresis = 0.05,
                                    .min_purchases = 2,
                                    .expire_after = {180 * day_ms},
                                    .calibration = engine::CalibrationUse::correct};

class Checked final : public engine::Output {
 public:
  void alert(const Alert& alert) override {
    require(alert.risk >= 0 && alert.risk <= 1, "a risk is a probability");
    require(alert.level <= Level::critical && alert.previous_level <= Level::critical, "a level is one of the four");
    require(alert.level != alert.previous_level, "an alert tells of a change");
    require(!alert.customer.id.empty(), "an alert has its customer");
  }
  void rejected(SourceIndex, const Rejection&) override { require(false, "what was restored rejects nothing"); }
};

void check_marker(const Marker& marker, std::string_view bytes) {
  require(marker.partition.value >= 0, "a partition has a number");
  require(marker.position.sources <= limits::sources_max, "there are no more sources than there can be");
  for (std::uint8_t s = 0; s < marker.position.sources; ++s)
    require(marker.position.next[s].value >= 0, "a position lies in the log");
  const std::string written = encode_marker(marker);
  const auto back = decode_marker(written);
  require(back && encode_marker(*back) == written, "what was decoded is encoded to the same");
  // One of an earlier version is written with what has been added since.
  const bool earlier = !bytes.empty() && bytes.front() < written.front();
  require(earlier || written.size() <= bytes.size(), "a marker is written as short as it can be");
}

/// The marker among the values, with its checksum or without.
std::optional<Marker> marker_in(std::string_view bytes) {
  std::string with_check(bytes);
  wire::put_u64(with_check, fingerprint(bytes));
  auto marker = decode_marker(bytes);
  if (marker) {
    check_marker(*marker, bytes);
  } else {
    require(marker.error().kind == ErrorKind::corrupt || marker.error().kind == ErrorKind::incompatible,
            "bytes that are no marker are damaged, or of another release");
    marker = decode_marker(with_check);
    if (!marker) return std::nullopt;
    check_marker(*marker, with_check);
  }
  return *marker;
}

/// The task goes on: a purchase of every customer, and the clock.
void run(app::RestoredTask& restored, const Marker& marker) {
  Checked output;
  engine::Task& task = *restored.task;
  for (std::uint8_t s = 0; s < marker.position.sources; ++s) {
    const Offset at = marker.position.next[s];
    EventBatch batch;
    batch.reset(0);
    if (s == 0 && restored.table->size() > 0) {
      Event event;
      event.kind = EventKind::purchase;
      event.customer = restored.table->key(Slot{0});
      event.time = Timestamp{1'700'000'000'000};
      event.has_amount = true;
      event.amount = 10;
      event.offset = at;
      batch.events.push_back(event);
      task.push(SourceIndex{s}, std::move(batch));
      task.reached_end(SourceIndex{s}, Offset{at.value + 1});
    } else {
      task.reached_end(SourceIndex{s}, at);
    }
  }
  for (int turn = 0; turn < 4; ++turn) {
    (void)task.advance(Timestamp{1'800'000'000'000}, 64, output);
  }
  for (Slot slot{0}; slot.value < restored.table->size(); ++slot.value) {
    engine::Customer customer{};
    std::memcpy(&customer, restored.table->read(slot), sizeof customer);
    const Timestamp now = std::max(customer.moment(), Timestamp{1'800'000'000'000});
    const auto seen = app::describe_customer("C", customer, marker.partition, model(), policy, now);
    require(!seen.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).empty(), "a customer can be shown");
  }
}

void restore(const Marker& marker, const std::map<std::string, std::string>& records) {
  testing::MemoryWorld world(marker.position.sources, 1);
  world.checkpoints[marker.partition] = {.marker = marker, .records = records};
  for (std::uint8_t s = 0; s < marker.position.sources; ++s)
    world.committed[{marker.partition.value, s}] = marker.position.next[s];
  testing::MemoryReader reader(world, 1);
  testing::MemoryJournal journal(world);
  testing::MemoryStore store(world);
  const testing::MemoryClock clock(world);
  app::Statistics statistics(marker.position.sources, 1);
  const engine::Model fitted = model();
  bool rebuilt = false;
  std::vector<ingest::SourceFormat> sources(1);
  sources[0].kind = EventKind::purchase;
  app::KnownModels known(sources);
  app::Recovery recovery(
      {.model = &fitted,
       .models = &known,
       .policy = &policy,
       .policy_id = marker.policy,
       .topics = marker.topics,
       .partitions = 1,
       .sources = marker.position.sources,
       .exactly_once = true},
      {.reader = reader, .journal = journal, .store = store, .clock = clock}, statistics,
      [&](const std::string&) { rebuilt = true; }, [] {});
  (void)recovery.request({.assignment = 1, .partitions = {marker.partition}, .kept = {}});
  const auto done = recovery.do_work();
  if (!done) {
    require(done.error().kind == ErrorKind::incompatible, "a state that cannot be gone on from is refused");
    return;
  }
  auto restored = recovery.take();
  require(restored.has_value(), "every partition has its task");
  auto& task = std::get<app::RestoredTask>(restored->message);
  if (!rebuilt) {
    require(task.table->size() == records.size(), "every record is there");
    run(task, marker);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

/// Pairs of a key and a value, each behind a byte with its length, as a store of checkpoints has them: under the key 00
/// the marker (its checksum may be left out), under 01 and an id the customer's record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::optional<Marker> marker;
  std::map<std::string, std::string> records;
  for (fuzz::Input input(data, size); !input.empty();) {
    const std::string_view key = input.bytes(input.byte());
    const std::string_view value = input.bytes(input.byte());
    if (key == fuzz::marker_key) {
      marker = fuzz::marker_in(value);
    } else if (key.starts_with(fuzz::record_prefix)) {
      records[std::string(key.substr(1))] = value;
    }
  }
  if (!marker) return 0;
  marker->customers = records.size();
  marker->partition = Partition{0};
  fuzz::restore(*marker, records);
  return 0;
}
