#include "domain/event.hpp"

#include <cassert>
#include <cstring>
#include <utility>

namespace holdfast {

std::string_view name(EventKind kind) {
  constexpr std::array<std::string_view, 4> names{"purchase", "complaint", "visit", "action"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view code_name(RejectionCode code) {
  switch (code) {
    case RejectionCode::malformed_json: return "malformed_json";
    case RejectionCode::missing_field: return "missing_field";
    case RejectionCode::wrong_type: return "wrong_type";
    case RejectionCode::bad_time: return "bad_time";
    case RejectionCode::too_far_ahead: return "too_far_ahead";
    case RejectionCode::bad_value: return "bad_value";
    case RejectionCode::missing_key: return "missing_key";
    case RejectionCode::key_mismatch: return "key_mismatch";
    case RejectionCode::too_large: return "too_large";
  }
  return "unknown";
}

void EventBatch::reset(std::size_t bytes) {
  events.clear();
  rejections_.clear();
  used_ = 0;
  if (bytes > capacity_) {
    capacity_ = bytes + bytes / 4;  // Batches are about as large as each other: soon none is larger than its room.
    text_ = std::make_unique_for_overwrite<char[]>(capacity_);
  }
}

std::string_view EventBatch::keep(std::string_view text) {
  if (text.empty()) return {};
  assert(used_ + text.size() <= capacity_);
  char* const at = text_.get() + used_;
  std::memcpy(at, text.data(), text.size());
  used_ += text.size();
  return {at, text.size()};
}

const Rejection* EventBatch::keep(Rejection rejection) {
  rejections_.push_back(std::make_unique<Rejection>(std::move(rejection)));
  return rejections_.back().get();
}

}  // namespace holdfast
