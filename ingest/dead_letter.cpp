#include "ingest/dead_letter.hpp"

#include <string>

namespace holdfast::ingest {

std::vector<Header> dead_letter_headers(const Rejection& rejection, std::string_view source, std::string_view topic,
                                        Partition partition) {
  std::vector<Header> headers = rejection.headers;
  const auto add = [&headers](const char* name, std::string_view value) {
    headers.push_back({std::string("__holdfast.errors.") + name, std::string(value), true});
  };
  add("code", code_name(rejection.code));
  add("message", rejection.message);
  add("source", source);
  add("topic", topic);
  add("partition", std::to_string(partition.value));
  add("offset", std::to_string(rejection.offset.value));
  return headers;
}

}  // namespace holdfast::ingest
