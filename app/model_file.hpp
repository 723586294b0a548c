#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/text_file.hpp"
#include "domain/error.hpp"
#include "engine/model.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// The newest "format" of model files that this release reads; a file without one is of format 1.
inline constexpr int model_format = 1;

/// Less is not possible with a `logistic` part: counters are kept rounded, and a level must not change to and fro with
/// the last bit of one.
inline constexpr double logistic_hysteresis_min = 0.001;

/// Reads a model file (docs/reference/configuration.md, "The model file"). Its id is the XXH3-128 of its bytes.
/// invalid_argument: it cannot be read or is no model; the message has a line for each fault and names the place.
[[nodiscard]] Expected<engine::Model> read_model(const std::string& path, const FileReader& files = text_files());

/// The same for bytes at hand; `path` is only for messages.
[[nodiscard]] Expected<engine::Model> parse_model(std::string_view bytes, const std::string& path);

/// What the sources tell of.
[[nodiscard]] engine::EvidenceSet evidence_in(std::span<const ingest::SourceFormat> sources);

/// Leaves out of the model what no source tells of (engine::keep_present): every model passes through here before it
/// is used. Returns a warning for each weight that is lost with it, a line each, which says what to do; `path` is only
/// for messages.
[[nodiscard]] std::vector<std::string> fit_to_sources(engine::Model& model,
                                                      std::span<const ingest::SourceFormat> sources,
                                                      const std::string& path);

}  // namespace holdfast::app
