#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace holdfast::testing {

/// How many transactions were aborted, as the log itself says, which no client shows: the number of different
/// producers, epochs included, that left the mark of an abort in one of these topics. A producer that aborts counts
/// once, since none of Holdfast's goes on after it. `data`: where a broker keeps its partitions, each in a folder of
/// its own (`log.dirs`).
[[nodiscard]] std::size_t aborted_transactions(const std::filesystem::path& data,
                                               const std::vector<std::string>& topics);

}  // namespace holdfast::testing
