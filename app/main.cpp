#include <cstdio>
#include <string_view>

#include <unistd.h>

#include "app/command_line.hpp"
#include "ingest/bounded_call.hpp"

namespace {

#ifdef HOLDFAST_NEEDS_AVX2
/// Before all else: what else begins with the program may already use what the processor lacks.
[[gnu::constructor(101)]] void check_processor() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("pclmul"))
    return;
  constexpr std::string_view message =
      "holdfast: this build needs a processor with AVX2, BMI2, FMA and PCLMUL. Build it for others with "
      "cmake --preset release -DHOLDFAST_AVX2=OFF\n";
  (void)!write(STDERR_FILENO, message.data(), message.size());
  _exit(1);
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const int status = holdfast::app::run_program(argc, argv);
  // Threads of calls that were left behind would meet destructors of what is static.
  if (holdfast::ingest::calls_left_behind() > 0) {
    (void)std::fflush(nullptr);
    _exit(status);
  }
  return status;
}
