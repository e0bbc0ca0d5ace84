// What the engine does with a request that was let through: see engine.hpp.

#include <utility>

#include "base/check.hpp"
#include "ingress/engine.hpp"

namespace holdfast::ingress {

bool Engine::exchange(Connection& connection, const RequestHead& head, const IpAddress& peer,
                      const Admitted& admitted, SteadyTime started) {
  Exchange exchange{.head = head,
                    .peer = peer,
                    .admitted = admitted,
                    .bytes = ByteBudget::Share(budget_),
                    .stream = MessageStream(connection, head, started + config_.request_deadline),
                    .close = !head.keep_alive || seats_.closing()};
  if (!exchange.bytes.take(head.content_length)) {
    refuse(connection, head.method,
           problem({503, "too many bytes of requests are in flight; try again"}), admitted.source,
           started);
    return false;
  }
  bool closed = false;
  const bool written = process_request(
      exchange.stream, "", 0, "", 0, exchange.close, closed,
      [&](httplib::Request& request) { request.download_progress = ExchangeLink{&exchange}; });
  answered(admitted.source, exchange.status, started);
  if (!written) return false;
  const bool clean = exchange.stream.complete() && exchange.status < 400;
  if (clean && !exchange.close) return true;
  if (!clean || !connection.buffered().empty()) connection.linger();
  return false;
}

Engine::Exchange& Engine::exchange_of(const httplib::Request& request) {
  const auto* link = request.download_progress.target<ExchangeLink>();
  HOLDFAST_CHECK(link != nullptr, "a request came to its handler without its exchange");
  return *link->exchange;
}

void Engine::handle(const httplib::Request& request, httplib::Response& response,
                    const httplib::ContentReader* reader) {
  Exchange& exchange = exchange_of(request);
  auto reply = answer(exchange, reader);
  // Before the answer: a sender that has it may send the next at once, and must find room.
  exchange.bytes.give_back();
  write_reply(exchange, std::move(reply), response);
}

Reply Engine::answer(Exchange& exchange, const httplib::ContentReader* reader) {
  const auto& [wish, source] = exchange.admitted;
  if (wish == Wish::health) {
    auto [status, json] = dependencies_.health();
    return {status, "application/json", std::move(json), {{"Cache-Control", "no-store"}}};
  }
  if (wish == Wish::challenge) return answer_challenge(*source, exchange.head);
  exchange.body.reserve(exchange.head.content_length);
  const bool read = reader == nullptr || (*reader)([&](const char* bytes, std::size_t size) {
                      return take(exchange, bytes, size);
                    });
  if (!read || !exchange.stream.complete()) {
    exchange.stream.abandon();
    if (seats_.closing() && !exchange.fault) return problem({503, "shutting down; send it again"});
    const auto& fault = exchange.fault ? exchange.fault : exchange.stream.fault();
    return problem(fault.value_or(Fault{400, "the body is malformed"}));
  }
  return intake_.store(*source, exchange.head, exchange.peer, std::move(exchange.body));
}

/// Adds to the body; false if it must not grow further.
bool Engine::take(Exchange& exchange, const char* bytes, std::size_t size) const {
  if (exchange.body.size() + size > exchange.admitted.source->body_bytes_max) {
    exchange.fault = Fault{413, "the body is larger than max_body"};
  } else if (exchange.head.chunked && !exchange.bytes.take(size)) {
    exchange.fault = Fault{503, "too many bytes of requests are in flight; try again"};
  } else {
    exchange.body.append(bytes, size);
    return true;
  }
  return false;
}

void Engine::write_reply(Exchange& exchange, Reply reply, httplib::Response& response) const {
  exchange.status = reply.status;
  response.status = reply.status;
  // The shutdown may have begun since: a sender that is told so opens another connection.
  if (seats_.closing()) {
    exchange.close = true;
    response.set_header("Connection", "close");
  }
  response.set_header("Date", http_date(dependencies_.clock.wall_now()));
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  if (!reply.content_type.empty()) response.set_content(std::move(reply.body), reply.content_type);
  // HTTP/1.0 closes unless told otherwise; the library does not know that it was 1.0.
  if (exchange.head.version_minor == 0 && !exchange.close && reply.status < 400)
    response.set_header("Connection", "keep-alive");
}

}  // namespace holdfast::ingress
