#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "engine/model.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// Reads the models that steps, checkpoints and topics carry: those that are in use are in memory once.
class KnownModels final : public engine::ModelReader {
 public:
  /// `sources` say what of a model counts (fit_to_sources()); they outlive it.
  explicit KnownModels(std::span<const ingest::SourceFormat> sources) : sources_(sources) {}

  [[nodiscard]] Expected<std::shared_ptr<const engine::Model>> read(std::string_view bytes) override;

 private:
  const std::span<const ingest::SourceFormat> sources_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::weak_ptr<const engine::Model>> models_;  ///< By fingerprint of their bytes.
};

}  // namespace holdfast::app
