#pragma once

#include <functional>
#include <string_view>

namespace holdfast::learn {

/// Told what is being done, for people who wait.
using Progress = std::function<void(std::string_view doing)>;

inline void no_progress(std::string_view) {}

}  // namespace holdfast::learn
