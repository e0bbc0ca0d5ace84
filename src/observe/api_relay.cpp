#include <algorithm>
#include <nlohmann/json.hpp>

#include "observe/api.hpp"
#include "observe/health.hpp"

namespace holdfast::observe::api {
namespace {

constexpr std::chrono::seconds probe_limit{5};

AdminAnswer set_pause(const Call& call, const std::optional<std::string>& source, bool paused) {
  const auto changed = call.context.operations.set_pause(source, paused, {.name = call.token_name});
  if (!changed) return problem(changed.error());
  if (*changed)
    call.context.log({LogLevel::info,
                      "operator_change",
                      "An operator has changed something.",
                      {{"token", call.token_name},
                       {"action", paused ? "pause" : "resume"},
                       {"target", source.value_or("destination")}}});
  return {200, json_type, nlohmann::json{{"changed", *changed}}.dump()};
}

/// A source that is not configured any more may still be paused, and then it can be resumed.
AdminAnswer set_source_pause(const Call& call, bool paused) {
  const auto& names = call.context.source_names;
  bool known = std::ranges::contains(names, call.parameter);
  if (!known && !paused) {
    const auto pauses = call.context.operations.outbox->pauses();
    if (!pauses) return problem(pauses.error());
    known = std::ranges::contains(*pauses, std::optional(call.parameter), &OperatorPause::source);
  }
  if (!known) return problem(404, "There is no source of this name.");
  return set_pause(call, call.parameter, paused);
}

}  // namespace

AdminAnswer pause_relay(const Call& call) {
  return set_pause(call, {}, true);
}
AdminAnswer resume_relay(const Call& call) {
  return set_pause(call, {}, false);
}
AdminAnswer pause_source(const Call& call) {
  return set_source_pause(call, true);
}
AdminAnswer resume_source(const Call& call) {
  return set_source_pause(call, false);
}

AdminAnswer probe(const Call& call) {
  const auto result = call.context.operations.probe(probe_limit);
  const auto state = call.context.health().relay.state;
  return {
      200, json_type,
      nlohmann::json{{"ok", result.ok},
                     {"state", to_string(state)},
                     {"error", result.ok ? nlohmann::json(nullptr) : nlohmann::json(result.error)},
                     {"took_seconds", std::chrono::duration<double>(result.took).count()}}
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace holdfast::observe::api
