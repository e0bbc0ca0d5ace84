#pragma once

#include <chrono>
#include <string_view>

#include "holdfast/entry.hpp"
#include "postgres/operations_rows.hpp"

namespace holdfast::postgres {

/// What the rows of WhatsApp have in the column `provider`.
inline constexpr std::string_view whatsapp_provider = "whatsapp";
/// Times outside of these years are milliseconds taken for seconds, zeros or nonsense.
inline constexpr std::chrono::sys_seconds whatsapp_time_begin =
    std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);
inline constexpr std::chrono::sys_seconds whatsapp_time_end =
    std::chrono::sys_days(std::chrono::year(2100) / 1 / 1);

/// What a webhook of the WhatsApp Cloud API means: every message, status and user of all its
/// entries and changes. Total: what is missing or of another type than expected is left out, and
/// what has no id is left to the inbox. docs/providers.md has the table of fields and columns.
///
/// Source:   developers.facebook.com, WhatsApp webhooks reference; docs/providers.md.
[[nodiscard]] OperationRows whatsapp_rows(const Entry& entry);

}  // namespace holdfast::postgres
