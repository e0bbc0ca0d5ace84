#pragma once

#include "holdfast/whatsapp.hpp"
#include "postgres/operations_rows.hpp"

/// A program's users and messages as the rows that the relay would write. Pure functions.
namespace holdfast::wrapper {

/// Errors:   throws Error of kind invalid, which names the field and never the value.
[[nodiscard]] postgres::UserRow row_of(const WhatsAppUser& user);
[[nodiscard]] postgres::MessageRow row_of(const WhatsAppMessage& message);

}  // namespace holdfast::wrapper
