#pragma once

#include "observe/admin_request.hpp"

/// The answers of the admin listener, one function a route; admin_routes.cpp has the table.
namespace holdfast::observe::api {

// The web page and its files: api_page.cpp.
[[nodiscard]] AdminAnswer page(const Call& call);

// State: api_state.cpp.
[[nodiscard]] AdminAnswer live(const Call& call);
[[nodiscard]] AdminAnswer ready(const Call& call);
[[nodiscard]] AdminAnswer health(const Call& call);
[[nodiscard]] AdminAnswer metrics(const Call& call);
[[nodiscard]] AdminAnswer status(const Call& call);
[[nodiscard]] AdminAnswer history(const Call& call);
[[nodiscard]] AdminAnswer stream(const Call& call);
[[nodiscard]] AdminAnswer openapi(const Call& call);

// Looking at entries, and at who changed what: api_entries.cpp.
[[nodiscard]] AdminAnswer entries(const Call& call);
[[nodiscard]] AdminAnswer entry(const Call& call);
[[nodiscard]] AdminAnswer audit(const Call& call);

// Changes of entries: api_changes.cpp, api_import.cpp.
[[nodiscard]] AdminAnswer retry_one(const Call& call);
[[nodiscard]] AdminAnswer discard_one(const Call& call);
[[nodiscard]] AdminAnswer erase_one(const Call& call);
[[nodiscard]] AdminAnswer replay_one(const Call& call);
[[nodiscard]] AdminAnswer retry_many(const Call& call);
[[nodiscard]] AdminAnswer discard_many(const Call& call);
[[nodiscard]] AdminAnswer replay_many(const Call& call);
[[nodiscard]] AdminAnswer import_entries(const Call& call);

// The relay: api_relay.cpp.
[[nodiscard]] AdminAnswer pause_relay(const Call& call);
[[nodiscard]] AdminAnswer resume_relay(const Call& call);
[[nodiscard]] AdminAnswer probe(const Call& call);
[[nodiscard]] AdminAnswer pause_source(const Call& call);
[[nodiscard]] AdminAnswer resume_source(const Call& call);

}  // namespace holdfast::observe::api
