#include "tests/fuzz/events.hpp"

namespace holdfast::fuzz {
namespace {

EventKind kind_of(char letter) {
  return letter == 'p' ? EventKind::purchase : letter == 'c' ? EventKind::complaint : EventKind::visit;
}

ingest::TimeFormat time_format_of(char letter) {
  return letter == 'r'   ? ingest::TimeFormat::rfc3339
         : letter == 'm' ? ingest::TimeFormat::epoch_ms
         : letter == 's' ? ingest::TimeFormat::epoch_s
                         : ingest::TimeFormat::any;
}

}  // namespace
}  // namespace holdfast::fuzz

/// "pakC17\n{...}": the kind of the source (p, c, v), the format of its times (a, r, m, s), k if records have keys,
/// then the key; the next lines are the value. An `l` instead of the k: a key, and a record that the log got in 2011.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  ingest::SourceFormat format;
  format.name = "source";
  format.topic = "topic";
  format.kind = fuzz::kind_of(static_cast<char>(input.byte()));
  format.time_format = fuzz::time_format_of(static_cast<char>(input.byte()));
  format.max_ahead = Duration{3'600'000};
  const auto rule = static_cast<char>(input.byte());
  const bool keyed = rule == 'k' || rule == 'l';
  const auto keys = keyed ? ingest::KeyRule::record_key : ingest::KeyRule::from_event;
  const std::string_view key = input.line();
  fuzz::decode_and_check(format, keys, keyed ? std::optional<std::string>(key) : std::nullopt,
                         std::string(input.rest()), Timestamp{rule == 'l' ? 1'317'377'700'000 : -1},
                         [](const Event& event, const RawRecord& record) { fuzz::check_json(event, record.value); });
  return 0;
}
