#pragma once

#include <span>
#include <string>

#include "app/history.hpp"
#include "domain/error.hpp"
#include "learn/examples.hpp"

namespace holdfast::app {

/// What examples are written with besides themselves.
struct ExamplesCsv {
  const learn::Cutoffs& cutoffs;
  const ActionNames& actions;  ///< What `treatment` is the number of.
  bool with_arms = false;      ///< There is a control group.
  bool with_risk = false;      ///< They carry the risk under a model.
};

/// Writes examples as CSV with a header: cutoff, customer (hash of the id, 16 hex digits), left, x, t_x and T in days,
/// the features by their names, and what was done: treatment (kind of the first action behind the cut-off, within the
/// horizon and before any purchase), treatment_days (from the cut-off to it), days_since_action (at the cut-off, since
/// the last one before it), arm if there is a control group, and risk where they carry one. What is absent is an empty
/// cell. failed: it cannot be written.
[[nodiscard]] Status write_examples(const std::string& path, std::span<const learn::Example> examples,
                                    const ExamplesCsv& with);

}  // namespace holdfast::app
