#pragma once

#include <string>

#include "app/history.hpp"
#include "learn/training.hpp"

namespace holdfast::app {

/// What a model card tells of besides the training itself.
struct CardFacts {
  std::string model_file;
  std::string model_id;
  std::string command;  ///< That makes the same file again.
  HistorySpan span;
  std::size_t examples = 0;
};

/// A model card (Mitchell et al. 2019) in Markdown: what the model is for, what it was trained on, what was fitted, how
/// well it predicted what it had not seen, and what speaks against it.
[[nodiscard]] std::string model_card(const learn::Training& training, const CardFacts& facts);

}  // namespace holdfast::app
