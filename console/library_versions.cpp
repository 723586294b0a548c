#include "console/library_versions.hpp"

#include <boost/version.hpp>
#include <fmt/format.h>

namespace holdfast::console {

std::string library_versions() {
  return fmt::format("Boost {}.{}.{}", BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_VERSION % 100);
}

}  // namespace holdfast::console
