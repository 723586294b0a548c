#pragma once

#include <simdjson.h>

namespace holdfast::ingest {

/// Reads a value to its end, so that every byte of it is checked: on-demand parsing checks only what is read.
/// The error of the first place that is no JSON.
[[nodiscard]] simdjson::error_code check_json(simdjson::ondemand::value value, int depth_left = 64);

}  // namespace holdfast::ingest
