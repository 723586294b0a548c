#include "ingest/kafka_assignment.hpp"

#include <algorithm>
#include <cstdint>

namespace holdfast::ingest {
namespace {

constexpr std::size_t uuid_characters = 36;

/// Big-endian numbers and counted strings, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::int32_t int16() { return static_cast<std::int16_t>(number(2)); }
  std::int32_t int32() { return static_cast<std::int32_t>(number(4)); }
  std::string_view text() {
    const std::int32_t size = int16();
    return size < 0 ? std::string_view{} : take(static_cast<std::size_t>(size));
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const char byte : take(bytes)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  std::string_view take(std::size_t bytes) {
    ok_ = ok_ && bytes <= rest_.size();
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

Expected<std::vector<Partition>> assigned_partitions(std::string_view bytes, std::string_view topic) {
  std::vector<Partition> partitions;
  if (bytes.empty()) return partitions;
  Fields fields(bytes);
  fields.int16();  // Version; later ones only append.
  const std::int32_t topics = fields.int32();
  for (std::int32_t t = 0; t < topics && fields.ok(); ++t) {
    const bool wanted = fields.text() == topic;
    const std::int32_t count = fields.int32();
    for (std::int32_t i = 0; i < count && fields.ok(); ++i) {
      const Partition partition{fields.int32()};
      if (wanted && fields.ok()) partitions.push_back(partition);
    }
  }
  if (!fields.ok()) return fail(ErrorKind::corrupt, "a member's assignment is cut short");
  std::ranges::sort(partitions);
  return partitions;
}

std::string instance_of_member(std::string_view member_id, std::string_view application_id) {
  if (member_id.size() <= application_id.size() + 1 + uuid_characters + 1) return {};
  if (!member_id.starts_with(application_id) || member_id[application_id.size()] != '-') return {};
  member_id.remove_prefix(application_id.size() + 1);
  member_id.remove_suffix(uuid_characters);
  if (!member_id.ends_with('-')) return {};
  member_id.remove_suffix(1);
  return std::string(member_id);
}

}  // namespace holdfast::ingest
