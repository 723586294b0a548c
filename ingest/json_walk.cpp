#include "ingest/json_walk.hpp"

#include <string_view>

namespace holdfast::ingest {

using simdjson::ondemand::json_type;

simdjson::error_code check_json(simdjson::ondemand::value value, int depth_left) {
  if (depth_left == 0) return simdjson::DEPTH_ERROR;
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  switch (type) {
    case json_type::array: {
      simdjson::ondemand::array array;
      if (const auto error = value.get_array().get(array)) return error;
      for (auto element : array) {
        simdjson::ondemand::value inner;
        if (const auto error = element.get(inner)) return error;
        if (const auto error = check_json(inner, depth_left - 1)) return error;
      }
      return simdjson::SUCCESS;
    }
    case json_type::object: {
      simdjson::ondemand::object object;
      if (const auto error = value.get_object().get(object)) return error;
      for (auto member : object) {
        simdjson::ondemand::field field;
        if (const auto error = std::move(member).get(field)) return error;
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return error;
        if (const auto error = check_json(field.value(), depth_left - 1)) return error;
      }
      return simdjson::SUCCESS;
    }
    case json_type::number: {
      double number = 0;
      return value.get_double().get(number);
    }
    case json_type::string: {
      std::string_view text;
      return value.get_string().get(text);
    }
    case json_type::boolean: {
      bool flag = false;
      return value.get_bool().get(flag);
    }
    case json_type::null: {
      bool null = false;
      return value.is_null().get(null);
    }
  }
  return simdjson::TAPE_ERROR;
}

}  // namespace holdfast::ingest
