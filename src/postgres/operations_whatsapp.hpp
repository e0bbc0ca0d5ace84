#pragma once

#include "holdfast/entry.hpp"
#include "postgres/operations_rows.hpp"

namespace holdfast::postgres {

/// What a webhook of the WhatsApp Cloud API means: every message, status and user of all its
/// entries and changes. Total: what is missing or of another type than expected is left out, and
/// what has no id is left to the inbox. docs/providers.md has the table of fields and columns.
///
/// Source:   developers.facebook.com, WhatsApp webhooks reference; docs/providers.md.
[[nodiscard]] OperationRows whatsapp_rows(const Entry& entry);

}  // namespace holdfast::postgres
