#pragma once

#include <string_view>

#include "domain/alert.hpp"
#include "ingest/text_arena.hpp"

namespace holdfast::ingest {

/// Appends a reason as a sentence for the people who talk to the customer.
void append_reason_text(TextArena& out, const Reason& reason);

}  // namespace holdfast::ingest
