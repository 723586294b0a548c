#include "app/known_models.hpp"

#include <utility>

#include "app/model_file.hpp"
#include "domain/ids.hpp"

namespace holdfast::app {

Expected<std::shared_ptr<const engine::Model>> KnownModels::read(std::string_view bytes) {
  const std::uint64_t key = fingerprint(bytes);
  const std::lock_guard lock(mutex_);
  if (const auto found = models_.find(key); found != models_.end()) {
    if (auto model = found->second.lock(); model != nullptr && model->bytes == bytes) return model;
  }
  auto parsed = parse_model(bytes, "model");
  if (!parsed) return std::unexpected(parsed.error());
  (void)fit_to_sources(*parsed, sources_, "model");  // What it says of them, who brings the model says to a person.
  std::erase_if(models_, [](const auto& known) { return known.second.expired(); });
  auto model = std::make_shared<const engine::Model>(std::move(*parsed));
  models_[key] = model;
  return model;
}

}  // namespace holdfast::app
