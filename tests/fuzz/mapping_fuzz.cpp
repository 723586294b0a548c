#include <exception>

#include "tests/fuzz/events.hpp"

namespace holdfast::fuzz {
namespace {

/// Takes lines such as "customer_id=/customer/id" and "currency:EUR" up to an empty one.
ingest::SourceFormat read_mapping(Input& input) {
  ingest::SourceFormat format;
  format.name = "source";
  format.topic = "topic";
  format.kind = static_cast<EventKind>(input.byte() % 3);
  format.max_ahead = Duration{3'600'000};
  input.line();
  while (!input.empty()) {
    const std::string_view line = input.line();
    const std::size_t sign = line.find_first_of("=:");
    if (sign == std::string_view::npos) break;
    auto& fields = line[sign] == '=' ? format.fields : format.defaults;
    fields[std::string(line.substr(0, sign))] = line.substr(sign + 1);
  }
  return format;
}

std::size_t members_of(const nlohmann::json& json) {
  std::size_t members = json.is_object() ? json.size() : 0;
  for (const auto& inner : json) members += inner.is_structured() ? members_of(inner) : 0;
  return members;
}

/// What another reader finds at the pointer; no value: the text has repeated names, of which each reader takes another.
std::optional<nlohmann::json> found_at(const std::string& pointer, std::string_view value) {
  std::size_t names = 0;
  const auto root = nlohmann::json::parse(
      value,
      [&](int, nlohmann::json::parse_event_t event, nlohmann::json&) {
        names += event == nlohmann::json::parse_event_t::key ? 1 : 0;
        return true;
      },
      false);
  if (root.is_discarded() || names != members_of(root)) return std::nullopt;
  try {
    return root.at(nlohmann::json::json_pointer(pointer));
  } catch (const nlohmann::json::exception&) {
    return nlohmann::json();  // Null is as good as nothing.
  }
}

void check_place(const Event& event, const RawRecord& record, const std::string& pointer) {
  if (event.rejection != nullptr && event.rejection->code != RejectionCode::missing_field) return;
  const auto found = found_at(pointer, record.value);
  if (!found) return;
  if (event.rejection == nullptr) {
    require(!found->is_null(), "an id stands where it was found");
    require(event.customer.id == (found->is_string() ? found->get<std::string>() : found->dump()),
            "the id is what stands at its place");
  } else if (event.rejection->message.starts_with(pointer + ": ")) {
    require(found->is_null(), "what is missing is not there");
  }
}

}  // namespace
}  // namespace holdfast::fuzz

/// The kind (0 to 2) in a first line, the mapping in further ones, an empty line, and the value of a record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const ingest::SourceFormat format = fuzz::read_mapping(input);
  if (const auto problem = ingest::field_mapping_problem(format)) {
    fuzz::require(!problem->empty(), "a mapping that is wrong is said to be");
    return 0;
  }
  const std::string pointer = ingest::pointer_of(format, "customer_id");
  fuzz::decode_and_check(format, ingest::KeyRule::from_event, std::nullopt, std::string(input.rest()), Timestamp{-1},
                         [&](const Event& event, const RawRecord& record) {
                           fuzz::check_json(event, record.value);
                           fuzz::check_place(event, record, pointer);
                         });
  return 0;
}
