#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/time.hpp"

/// What `holdfast alerts` shows of the alert topic.
namespace holdfast::app {

/// An alert as a line of a table for people.
struct AlertLine {
  Timestamp time;
  std::string customer;
  std::string change;
  std::string level;
  bool is_control = false;  ///< To be left alone.
  double risk = 0;
  std::optional<double> at_risk;
  std::string currency;
  std::string reason;  ///< A sentence.
};

/// No value: no alert, but somebody else's record.
[[nodiscard]] std::optional<AlertLine> read_alert(std::string_view json);

/// The lines as a table, columns aligned.
[[nodiscard]] std::string table_of(const std::vector<AlertLine>& lines, bool with_header);

/// Takes the alerts of a topic in the order of each partition and keeps those that are to be shown, whatever the length
/// of the topic; of each customer, otherwise, only whether it is flagged now.
class AlertList {
 public:
  struct Wanted {
    bool flagged = false;   ///< The customers that are flagged now, the largest value at risk first; else the newest.
    std::size_t limit = 0;  ///< 0: all.
    bool texts = false;     ///< Keep the alerts as the topic has them, not their lines.
  };
  struct Shown {
    AlertLine line;    ///< With texts: empty.
    std::string text;  ///< Without texts: empty.
  };

  explicit AlertList(Wanted wanted) : wanted_(wanted) {}

  /// False: the record is no alert and was not taken.
  bool add(std::string_view json);
  /// In the order in which they are to be shown.
  [[nodiscard]] std::vector<Shown> shown() const;
  /// "5 alerts of 3 customers, 1 resolved, 4 raised; 2 customers are flagged now"
  [[nodiscard]] std::string summary() const;

 private:
  struct Kept {
    Timestamp time;
    std::uint64_t number = 0;  ///< In the order of arrival.
    double at_risk = 0;
    Shown shown;
  };
  struct Customer {
    bool flagged = false;
    std::optional<Kept> latest;  ///< Of a flagged one, if those are wanted.
  };
  struct Earlier {
    bool operator()(const Kept& a, const Kept& b) const {
      return a.time != b.time ? a.time < b.time : a.number < b.number;
    }
  };

  const Wanted wanted_;
  std::unordered_map<std::string, Customer> customers_;
  std::set<Kept, Earlier> newest_;
  std::map<std::string, std::uint64_t> changes_;
  std::uint64_t alerts_ = 0;
};

}  // namespace holdfast::app
