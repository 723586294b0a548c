#include "tests/support/segments.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using Producer = std::pair<std::int64_t, std::int16_t>;  ///< Id and epoch.

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<Number>(number);
}

// A batch, big-endian: offset (8), length of what follows (4), leader epoch (4), magic 2 (1), checksum (4), attributes
// (2), last offset (4), two timestamps (16), producer (8), its epoch (2), sequence (4), number of records (4), records.
// The record of a control batch: length, attributes, times and offset of a byte each, length of the key, and the key:
// version (2), type (2), which is 0 for an abort and 1 for a commit.
constexpr std::size_t length_at = 8;
constexpr std::size_t attributes_at = 21;
constexpr std::size_t producer_at = 43;
constexpr std::size_t records_at = 61;
constexpr std::size_t type_at = records_at + 5 + 2;
constexpr std::uint16_t control_bit = 0x20;
constexpr std::size_t control_size_min = type_at + 2;

void collect_aborts(std::string_view segment, std::set<Producer>& aborted) {
  while (segment.size() >= records_at) {
    const std::size_t size = length_at + 4 + number_at<std::uint32_t>(segment, length_at);
    if (size > segment.size()) return;  // It is being written, or was when the broker was killed.
    const std::string_view batch = segment.substr(0, size);
    if ((number_at<std::uint16_t>(batch, attributes_at) & control_bit) != 0 && size >= control_size_min &&
        number_at<std::int16_t>(batch, type_at) == 0)
      aborted.emplace(number_at<std::int64_t>(batch, producer_at), number_at<std::int16_t>(batch, producer_at + 8));
    segment.remove_prefix(size);
  }
}

bool is_of(const std::string& folder, const std::vector<std::string>& topics) {
  const std::string topic = folder.substr(0, folder.rfind('-'));
  return std::ranges::find(topics, topic) != topics.end();
}

}  // namespace

std::size_t aborted_transactions(const std::filesystem::path& data, const std::vector<std::string>& topics) {
  std::set<Producer> aborted;
  for (const auto& folder : std::filesystem::directory_iterator(data)) {
    if (!folder.is_directory() || !is_of(folder.path().filename().string(), topics)) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() == ".log") collect_aborts(read_file(file.path()), aborted);
    }
  }
  return aborted.size();
}

}  // namespace holdfast::testing
