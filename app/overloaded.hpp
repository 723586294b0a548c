#pragma once

namespace holdfast::app {

/// Several function objects as one, for std::visit.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace holdfast::app
