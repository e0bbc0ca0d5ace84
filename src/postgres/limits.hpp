#pragma once

#include <chrono>
#include <string>

namespace holdfast::postgres {

/// Opens a transaction with its own limits, as one simple query and so one round trip. SET LOCAL
/// alone: a pooler hands the next transaction to another session.
/// The server gives up a little before we do, so that its reason is heard.
///
/// Needs:    the time that the caller still waits.
[[nodiscard]] std::string begin_statement(std::chrono::milliseconds left);

/// "name" with quotes inside doubled.
[[nodiscard]] std::string quote_identifier(const std::string& name);

}  // namespace holdfast::postgres
