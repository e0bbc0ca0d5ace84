#pragma once

#include <expected>

#include "holdfast/embedded_outbox.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::embedded {

/// What the daemon's file is held to, for options that a program has filled.
/// Errors:   invalid, with the name of the option and the cure.
[[nodiscard]] std::expected<void, Failure> check_options(const EmbeddedOptions& options);

/// Where the entries shall go; nothing is sent.
/// Errors:   invalid (none where there should be one, or too many), and those of
///           PostgresDestination::create.
[[nodiscard]] std::expected<void, Failure> check_destinations(
    const EmbeddedOptions& options, const EmbeddedOutbox::Dependencies& dependencies);

/// Errors:   invalid, without a word of the payload.
[[nodiscard]] std::expected<void, Failure> check_entry(const NewEntry& entry,
                                                       const EmbeddedOptions& options);

}  // namespace holdfast::embedded
