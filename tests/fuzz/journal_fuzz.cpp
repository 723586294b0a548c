#include <algorithm>
#include <limits>

#include "domain/step.hpp"
#include "domain/wire.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace holdfast::fuzz {
namespace {

bool same(const ModelSwap* a, const ModelSwap* b) {
  return a == b || (a != nullptr && b != nullptr && a->model == b->model && a->from == b->from);
}

bool same(const Step& a, const Step& b) {
  return same(a.swap.get(), b.swap.get()) && a.number == b.number && a.end == b.end && a.clock == b.clock &&
         a.timers == b.timers;
}

bool same(const JournalEntry& a, const JournalEntry& b) {
  return a.partition == b.partition && a.policy == b.policy && a.start == b.start &&
         std::ranges::equal(a.steps, b.steps, [](const Step& x, const Step& y) { return same(x, y); });
}

void check(std::string_view bytes) {
  const auto entry = decode_journal_entry(bytes);
  if (!entry) {
    require(entry.error().kind == ErrorKind::corrupt || entry.error().kind == ErrorKind::incompatible,
            "bytes that are no entry are damaged, or of another release");
    require(!entry.error().message.empty(), "what is refused says why");
    return;
  }
  require(entry->partition.value >= 0, "a partition has a number");
  require(entry->start.sources <= limits::sources_max, "there are no more sources than there can be");
  require(!entry->steps.empty(), "an entry has steps");
  Positions at = entry->start;
  std::uint64_t number = entry->steps.front().number;
  for (const Step& step : entry->steps) {
    require(step.number == number++, "steps are contiguous");
    require(step.end.sources == at.sources, "all steps have the same sources");
    for (std::uint8_t s = 0; s < at.sources; ++s) require(step.end.next[s] >= at.next[s], "a step never goes back");
    at = step.end;
  }
  const auto back = decode_journal_entry(encode_journal_entry(*entry));
  require(back && same(*back, *entry), "what was decoded is encoded to the same");
}

}  // namespace
}  // namespace holdfast::fuzz

/// The bytes of an entry, and the same as what stands before a checksum, which chance would never find.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::string bytes(fuzz::Input(data, size).rest());
  fuzz::check(bytes);
  wire::put_u64(bytes, fingerprint(bytes));
  fuzz::check(bytes);
  return 0;
}
