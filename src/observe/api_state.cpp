#include "observe/api.hpp"
#include "observe/health.hpp"
#include "observe/metrics.hpp"
#include "observe/process.hpp"
#include "openapi.hpp"

namespace holdfast::observe::api {

AdminAnswer live(const Call&) {
  return {200, "text/plain; charset=utf-8", "ok\n"};
}

AdminAnswer ready(const Call& call) {
  const auto snapshot = call.context.health();
  return {health_status_code(snapshot), json_type, ready_json(snapshot)};
}

AdminAnswer health(const Call& call) {
  const auto snapshot = call.context.health();
  return {health_status_code(snapshot), json_type, health_json(snapshot)};
}

AdminAnswer metrics(const Call& call) {
  return {200, metrics_content_type,
          metrics_text(call.context.health(), call.context.metric_names) + process_metrics_text()};
}

AdminAnswer status(const Call& call) {
  return {200, json_type, status_json(call.context.health(), call.context.source_names)};
}

AdminAnswer history(const Call& call) {
  return {200, json_type, call.context.history()};
}

/// The first event is made here, so that whatever goes wrong has an answer of its own.
AdminAnswer stream(const Call& call) {
  return {200,
          "text/event-stream",
          stream_event(call.context.health(), call.context.source_names),
          {},
          true};
}

AdminAnswer openapi(const Call&) {
  return {200, json_type, std::string(openapi_files.front().text)};
}

}  // namespace holdfast::observe::api
