#pragma once

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "ingest/reason_words.hpp"
#include "ingest/text_arena.hpp"

namespace holdfast::ingest {

/// Appends a reason as a sentence for the people who talk to the customer: UTF-8 in which nothing has to be escaped in
/// JSON. `currency`: of amounts, if there is one.
void append_reason_text(TextArena& out, const Reason& reason, const ReasonWords& words, const Currency& currency);

}  // namespace holdfast::ingest
