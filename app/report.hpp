#pragma once

#include "domain/error.hpp"

namespace holdfast::app {

/// Tells a person of an error, on stderr, and returns the exit status for it: 2 for usage and configuration, 1 for what
/// failed while running.
int report(const Error& error);

}  // namespace holdfast::app
