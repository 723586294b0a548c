#include "app/report.hpp"

#include <cstdio>

#include <fmt/core.h>

namespace holdfast::app {

int report(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  return error.kind == ErrorKind::invalid_argument ? 2 : 1;
}

}  // namespace holdfast::app
