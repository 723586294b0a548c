#pragma once

#include <string>
#include <string_view>

#include "domain/alert.hpp"

namespace holdfast::ingest {

/// Appends a reason as a sentence for the people who talk to the customer.
void append_reason_text(std::string& out, const Reason& reason);

}  // namespace holdfast::ingest
