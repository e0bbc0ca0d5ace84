#pragma once

#include "holdfast/entry.hpp"
#include "postgres/operations_rows.hpp"

namespace holdfast::postgres {

/// What a webhook of Twilio Messaging means: a message and its sender, or what became of a message
/// that was sent. A form, the query of a GET, or JSON with the same names. Total, as for WhatsApp.
///
/// Source:   twilio.com/docs/messaging/guides/webhook-request; docs/providers.md.
[[nodiscard]] OperationRows twilio_rows(const Entry& entry);

}  // namespace holdfast::postgres
