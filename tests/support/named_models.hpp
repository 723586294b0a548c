#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/model.hpp"

namespace holdfast::testing {

/// Knows models by ids that stand for the bytes of their files.
class NamedModels final : public engine::ModelReader {
 public:
  [[nodiscard]] static engine::Model with_bytes(engine::Model model) {
    model.bytes = model.id;
    return model;
  }
  void add(engine::Model model) {
    const std::string id = model.id;
    models_[id] = std::make_shared<const engine::Model>(with_bytes(std::move(model)));
  }
  [[nodiscard]] Expected<std::shared_ptr<const engine::Model>> read(std::string_view bytes) override {
    const auto found = models_.find(bytes);
    if (found != models_.end()) return found->second;
    return fail(ErrorKind::invalid_argument, "there is no model '" + std::string(bytes) + "'");
  }

 private:
  std::map<std::string, std::shared_ptr<const engine::Model>, std::less<>> models_;
};

}  // namespace holdfast::testing
