#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast::app {

enum class KeyType { text, path, choice, count, number, duration, size, address };

/// One configuration key, as docs/reference/configuration.md lists it.
struct Key {
  std::string_view name;  ///< "risk.horizon"; `*` stands for any name, in `kafka.*` for all that follows.
  KeyType type{};
  std::string_view fallback;  ///< As it would be written in the file. Empty: required, or as `description` says.
  std::string_view description;
  std::string_view allowed = {};  ///< choice: "murmur2 | none"; count, duration, size: "1ms .. 30s". Empty: anything.
  bool required = false;
};

/// Every key there is, in the order in which the reference and `holdfast check` list them.
[[nodiscard]] std::span<const Key> config_keys();

/// Whether a segment of the path is empty, as in "risk." or "sources..topic". Such a path is neither key nor group.
[[nodiscard]] bool has_empty_segment(std::string_view path);

/// The key that a path such as "sources.visits.topic" is an instance of; null: there is none.
[[nodiscard]] const Key* find_key(std::string_view path);

/// Whether keys lie below the path: "risk", "sources.visits".
[[nodiscard]] bool is_group(std::string_view path);

/// The known key that an unknown path most likely meant.
[[nodiscard]] std::string nearest_key(std::string_view path);

/// Whether the value must not be shown: passwords and the like.
[[nodiscard]] bool is_secret(std::string_view path);

/// Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

[[nodiscard]] std::string_view name(KeyType type);

}  // namespace holdfast::app
