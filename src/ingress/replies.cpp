#include "ingress/replies.hpp"

#include <chrono>
#include <format>
#include <nlohmann/json.hpp>
#include <utility>

namespace holdfast::ingress {
namespace {

constexpr std::string_view bearer_challenge = R"(Bearer realm="holdfast")";
constexpr std::size_t head_bytes_usual = 256;
constexpr std::size_t accepted_bytes_usual = 64;
constexpr std::string_view signature_challenge = R"(Signature realm="holdfast")";

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

}  // namespace

Reply accepted(Provider provider, const Appended& appended) {
  const std::string id = appended.id.to_string();
  std::vector<Header> headers;
  headers.push_back({"Holdfast-Id", id});
  switch (provider) {
    case Provider::whatsapp:
    // Telegram would take a body for a call of its API.
    case Provider::telegram: return {200, "", "", std::move(headers)};
    case Provider::twilio: return {200, "text/xml", "<Response></Response>", std::move(headers)};
    default: break;
  }
  std::string body;
  body.reserve(accepted_bytes_usual);
  body.append(R"({"id":")").append(id).append(R"(","duplicate":)");
  body.append(appended.duplicate ? "true}" : "false}");
  return {202, "application/json", std::move(body), std::move(headers)};
}

Reply problem(const Fault& fault) {
  const nlohmann::ordered_json document{{"type", "about:blank"},
                                        {"title", reason_phrase(fault.status)},
                                        {"status", fault.status},
                                        {"detail", fault.detail}};
  Reply reply{fault.status, "application/problem+json", document.dump()};
  // Long enough for a group commit or a freed place, short enough that a sender's queue stays
  // small.
  if (fault.status == 503) reply.headers.push_back({"Retry-After", "2"});
  return reply;
}

Reply method_not_allowed(std::string_view allow) {
  Reply reply = problem({405, "this path does not take this method"});
  reply.headers.push_back({"Allow", std::string(allow)});
  return reply;
}

Reply unauthorized(Provider provider) {
  const bool bearer = provider == Provider::bearer;
  const bool token = bearer || provider == Provider::telegram;
  Reply reply =
      problem({401, token ? "the token is missing or wrong" : "the signature is missing or wrong"});
  reply.headers.push_back(
      {"WWW-Authenticate", std::string(bearer ? bearer_challenge : signature_challenge)});
  return reply;
}

Reply out_of_window() {
  Reply reply = problem({401,
                         "the signature is right, but its time is too far from this server's; "
                         "sign it again, or set the clocks"});
  reply.headers.push_back({"WWW-Authenticate", std::string(signature_challenge)});
  return reply;
}

Reply challenge(std::string text) {
  return {200, "text/plain", std::move(text), {{"X-Content-Type-Options", "nosniff"}}};
}

Reply not_stored(const Failure& failure) {
  if (failure.kind == FailureKind::overloaded)
    return problem(
        {503, "the write could not be stored in time or there is no room; send it again"});
  return problem({503, "the write could not be stored; send it again"});
}

std::string render(const Reply& reply, std::string_view method, Persistence persistence,
                   WallTime now) {
  std::string text;
  text.reserve(head_bytes_usual + reply.body.size());
  text.append("HTTP/1.1 ").append(std::to_string(reply.status)).append(" ");
  text.append(reason_phrase(reply.status)).append("\r\nDate: ").append(http_date(now));
  text.append("\r\n");
  const auto add = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : reply.headers) add(name, value);
  if (!reply.content_type.empty()) add("Content-Type", reply.content_type);
  add("Content-Length", std::to_string(reply.body.size()));
  if (persistence == Persistence::close) add("Connection", "close");
  if (persistence == Persistence::keep_alive) add("Connection", "keep-alive");
  text += "\r\n";
  if (method != "HEAD") text += reply.body;
  return text;
}

std::string http_date(WallTime now) {
  // The text of a second serves all answers of that second.
  thread_local std::chrono::sys_seconds second;
  thread_local std::string text;
  const auto wanted = std::chrono::floor<std::chrono::seconds>(now);
  if (text.empty() || second != wanted) {
    text = std::format("{:%a, %d %b %Y %T} GMT", wanted);
    second = wanted;
  }
  return text;
}

}  // namespace holdfast::ingress
