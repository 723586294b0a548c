#include "app/alert_list.hpp"
#include "tests/fuzz/fuzz.hpp"

/// Records of an alert topic, a line each, as `holdfast alerts` reads them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using fuzz::require;
  constexpr std::size_t limit = 3;
  app::AlertList newest({.flagged = false, .limit = limit, .texts = false});
  app::AlertList flagged({.flagged = true, .limit = 0, .texts = false});
  app::AlertList texts({.flagged = false, .limit = 0, .texts = true});
  std::size_t alerts = 0;
  for (fuzz::Input input(data, size); !input.empty();) {
    const std::string_view record = input.line();
    const bool is_alert = app::read_alert(record).has_value();
    require(newest.add(record) == is_alert && flagged.add(record) == is_alert && texts.add(record) == is_alert,
            "a record is an alert or none");
    alerts += is_alert ? 1 : 0;
  }
  require(newest.shown().size() == std::min(alerts, limit), "as many are shown as are wanted");
  require(texts.shown().size() == alerts && flagged.shown().size() <= alerts, "none is shown that is not there");
  std::vector<app::AlertLine> lines;
  for (const auto& shown : flagged.shown()) lines.push_back(shown.line);
  require(lines.empty() || !app::table_of(lines, true).empty(), "lines make a table");
  require(!newest.summary().empty(), "there is a summary");
  return 0;
}
