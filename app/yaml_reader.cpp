#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "app/config_keys.hpp"
#include "app/settings.hpp"

namespace holdfast::app {
namespace {

// A configuration has some dozens of keys. Aliases can make a small file endless.
constexpr std::size_t nodes_max = 10'000;

class Walker {
 public:
  Walker(const std::string& path, Faults& faults) : path_(path), faults_(faults) {}

  void walk(const YAML::Node& map, const std::string& group) {
    for (const auto& entry : map) {
      const YAML::Node& name = entry.first;
      const YAML::Node& value = entry.second;
      const Origin origin = origin_of(name.Mark());
      if (++nodes_ > nodes_max) {
        if (nodes_ == nodes_max + 1)
          faults_.add(origin, group, fmt::format("more than {} keys in one file", nodes_max));
        return;
      }
      if (!name.IsScalar()) {
        faults_.add(origin, group, "a key must be a plain word");
        continue;
      }
      const std::string key = group.empty() ? name.Scalar() : group + "." + name.Scalar();
      // With a dot in it the name would be taken for two.
      if (group == "sources" && !is_source_name(name.Scalar())) {
        faults_.add(origin, key, source_name_message());
      } else if (const auto [first, added] = seen_.emplace(key, origin.line); !added) {
        faults_.add(origin, key, fmt::format("stands here a second time, first in line {}; remove one", first->second));
      } else {
        visit(value, key, origin);
      }
    }
  }

  std::vector<Setting> take() { return std::move(settings_); }
  [[nodiscard]] Origin origin_of(const YAML::Mark& mark) const {
    return {Origin::Layer::file, fmt::format("{}:{}:{}", path_, mark.line + 1, mark.column + 1), mark.line + 1};
  }

 private:
  void visit(const YAML::Node& value, const std::string& key, const Origin& origin) {
    const bool group = is_group(key);
    const Key* leaf = find_key(key);
    if (leaf == nullptr && !group) {
      faults_.add(origin, key, unknown_key_message(key));
    } else if (value.IsMap() && group) {
      settings_.push_back({key, "", origin, true});
      walk(value, key);
    } else if (value.IsScalar() && leaf != nullptr && !value.Scalar().empty()) {
      settings_.push_back({key, value.Scalar(), origin});
    } else if (leaf != nullptr && (value.IsNull() || value.IsScalar())) {
      faults_.add(origin, key, "has no value; give one or remove the key");
    } else if (value.IsNull()) {
      settings_.push_back({key, "", origin, true});
    } else {
      faults_.add(origin, key,
                  leaf == nullptr ? "is a group of keys, not a single value; indent its keys below it"
                                  : "takes a single value, not a list or a group of keys");
    }
  }

  const std::string& path_;
  Faults& faults_;
  std::vector<Setting> settings_;
  std::map<std::string, int> seen_;
  std::size_t nodes_ = 0;
};

/// Where the first node of a document stands.
class FirstNode final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override { mark_ = {}; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { see(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { see(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override { see(mark); }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    see(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    see(mark);
  }
  void OnMapEnd() override {}
  [[nodiscard]] YAML::Mark mark() const { return mark_.value_or(YAML::Mark()); }

 private:
  void see(const YAML::Mark& mark) {
    if (!mark_) mark_ = mark;
  }
  std::optional<YAML::Mark> mark_;
};

/// Where a second document begins, if there is one. Never asks for a third: for a comma where a document should begin
/// yaml-cpp 0.7 finds one document after the other, without an end.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  FirstNode node;
  if (!parser.HandleNextDocument(node) || !parser.HandleNextDocument(node)) return std::nullopt;
  return node.mark();
}

}  // namespace

Expected<std::vector<Setting>> read_yaml(const std::string& path, const FileReader& files, Faults& faults) {
  const auto text = files(path);
  if (!text) {
    return fail(ErrorKind::invalid_argument, text.error().message + "; name the configuration with -c FILE");
  }
  try {
    Walker walker(path, faults);
    const YAML::Node document = YAML::Load(*text);
    if (const auto second = second_document(*text)) {
      faults.add(walker.origin_of(*second), "", "a second document begins here; keep one, without '---'");
    }
    if (document.IsMap()) {
      walker.walk(document, "");
    } else if (!document.IsNull()) {
      faults.add(walker.origin_of(document.Mark()), "",
                 "the file must be a group of keys, such as `application_id: shop`");
    }
    return walker.take();
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("{}:{}:{}: is no YAML: {}; look at the indentation, brackets and quotes here and above",
                            path, error.mark.line + 1, error.mark.column + 1, in_one_line(error.msg)));
  }
}

}  // namespace holdfast::app
