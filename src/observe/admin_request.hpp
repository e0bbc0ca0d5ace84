#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/config.hpp"
#include "holdfast/health.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"

/// What comes to the admin listener, what goes back, and what the answers are made from.
namespace holdfast::observe {

struct AdminRequest {
  std::string method;
  std::string path;                              ///< Without the query.
  std::vector<std::string> hosts = {};           ///< Every Host header, normally one.
  std::vector<std::string> authorizations = {};  ///< Every Authorization header.
  bool http_1_0 = false;                         ///< Such a request may come without Host.
  std::vector<std::pair<std::string, std::string>> query = {};  ///< Decoded.
  std::vector<std::string> content_types = {};
  std::vector<std::string> origins = {};
  std::string body = {};
};

struct AdminAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// It does not end: one event after the other, until the client goes or the server stops.
  bool stream = false;
};

/// What operators look into and change. Every function may be called from any thread.
struct Operations {
  Outbox* outbox = nullptr;  ///< Outlives the server.
  std::function<std::expected<bool, Failure>(const std::optional<std::string>& source, bool paused,
                                             const Actor& by)>
      set_pause;
  std::function<DestinationProbe(std::chrono::milliseconds)> probe;
  std::function<std::optional<HeldBack>(std::int64_t seq, std::chrono::milliseconds)> hold_back;
};

/// What the answers are made from.
struct AdminContext {
  std::function<HealthSnapshot()> health;
  std::vector<std::string> source_names;  ///< The configured ones.
  std::vector<std::string> metric_names;  ///< The labels of metrics.
  /// Empty: everybody on this machine may look and change, but no browser of theirs.
  std::vector<AdminToken> tokens;
  std::function<std::string()> history;  ///< The document of GET /api/v1/history.
  Operations operations;
  LogSink log;
};

/// A request that may be answered: who asks, and what the path names.
struct Call {
  const AdminRequest& request;
  const AdminContext& context;
  std::string parameter;  ///< The id or name in the path; empty if there is none.
  std::string token_name;
};

inline constexpr const char* json_type = "application/json";
inline constexpr const char* no_entry_detail =
    "There is no such entry; retention may have removed it.";

/// An RFC 9457 problem document; `field` names the parameter that is wrong.
[[nodiscard]] AdminAnswer problem(int status, std::string_view detail, std::string_view field = {});
/// The problem that a failure of outbox or relay is.
[[nodiscard]] AdminAnswer problem(const Failure& failure);

}  // namespace holdfast::observe
