#pragma once

#include <string>
#include <vector>

namespace holdfast::app {

/// A flag or argument of a command, as docs/reference/cli.md lists it.
struct FlagInfo {
  std::string command;  ///< "replay"; empty: of the program itself.
  std::string name;     ///< "--until", or the name of a positional argument: "CUSTOMER".
};

/// Every flag there is, by command in the order of the help.
[[nodiscard]] std::vector<FlagInfo> command_line_flags();

/// The program: reads the command line, runs the command, returns the exit status.
int run_program(int argc, const char* const* argv);

}  // namespace holdfast::app
