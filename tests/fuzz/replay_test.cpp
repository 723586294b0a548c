#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// HOLDFAST_FUZZ_TARGETS has a HOLDFAST_FUZZ_TARGET(name) for each target.
#define HOLDFAST_FUZZ_TARGET(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
HOLDFAST_FUZZ_TARGETS
#undef HOLDFAST_FUZZ_TARGET

namespace holdfast {
namespace {

namespace fs = std::filesystem;

struct Target {
  const char* name;
  int (*run)(const std::uint8_t* data, std::size_t size);

  /// For the name of its test in lists.
  friend void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }  // NOLINT(*-naming)
};
#define HOLDFAST_FUZZ_TARGET(name) {#name, fuzz_##name},
constexpr Target targets[] = {HOLDFAST_FUZZ_TARGETS};
#undef HOLDFAST_FUZZ_TARGET

std::vector<fs::path> inputs_of(const Target& target) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(HOLDFAST_FUZZ_CORPUS) / target.name)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

class Fuzz : public ::testing::TestWithParam<Target> {};

TEST_P(Fuzz, EverySeedHolds) {
  const std::vector<fs::path> files = inputs_of(GetParam());
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.string());
    std::ifstream in(file, std::ios::binary);
    // Of exactly its own length, so that reading behind it shows.
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    try {
      GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Fuzz, ::testing::ValuesIn(targets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace holdfast
