#include "engine/control_group.hpp"

#include "domain/ids.hpp"

namespace holdfast::engine {
namespace {

/// Added to the seed, so that the hash is none that anything else is drawn by: "control" in ASCII, and a zero byte.
constexpr std::uint64_t salt = 0x636f'6e74'726f'6c00;

}  // namespace

Arm arm_of(std::string_view customer_id, const ControlGroup& group) {
  if (group.share <= 0) return Arm::none;
  // The upper 53 bits as a number in [0, 1).
  const double draw = static_cast<double>(fingerprint(customer_id, salt + group.seed) >> 11) * 0x1.0p-53;
  return draw < group.share ? Arm::control : Arm::treatment;
}

}  // namespace holdfast::engine
