#include "ingress/service.hpp"

#include <algorithm>
#include <exception>
#include <format>
#include <thread>
#include <utility>

namespace holdfast::ingress {
namespace {

/// Up to here a request is taken apart by the event loop: that takes less than to hand it over. A
/// body of this size costs a tenth of a millisecond.
constexpr std::size_t small_body_bytes_max = 16 * kib;
/// Threads for larger ones.
constexpr std::size_t threads_least = 2;
constexpr std::size_t threads_most = 8;

std::size_t threads_max() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), threads_least, threads_most);
}

}  // namespace

Service::Service(Settings settings, const IngressServer::Dependencies& dependencies,
                 std::shared_ptr<Mailbox> mailbox)
    : append_timeout_(settings.append_timeout),
      dependencies_(dependencies),
      mailbox_(std::move(mailbox)),
      intake_(std::move(settings.proxies), {dependencies.clock, dependencies.log}),
      workers_(threads_max()) {}

std::optional<Reply> Service::begin(Session& session, std::uint64_t number) {
  auto& request = session.request();
  const auto& [wish, source] = request.admitted();
  if (wish == Wish::health) {
    auto [status, json] = dependencies_.health();
    return Reply{status, "application/json", std::move(json), {{"Cache-Control", "no-store"}}};
  }
  if (wish == Wish::challenge) return answer_challenge(*source, request.head());
  auto body = request.take_body();
  const Requester requester{session.socket(), number};
  if (body.size() <= small_body_bytes_max)
    return store(*source, request.head(), session.peer(), std::move(body), requester);
  // All that it needs goes with it: the connection may end meanwhile.
  Workers::Job job = [this, source, head = request.head(), peer = session.peer(),
                      body = std::move(body), requester]() mutable {
    if (auto reply = store(*source, head, peer, std::move(body), requester))
      mailbox_->put({requester, *std::move(reply)});
  };
  if (!workers_.offer(job)) job();
  return std::nullopt;
}

/// Does not throw: out of memory is a 503, too.
std::optional<Reply> Service::store(const Source& source, const RequestHead& head,
                                    const IpAddress& peer, std::string body, Requester requester) {
  try {
    auto entry = intake_.prepare(source, head, peer, std::move(body));
    if (!entry) return std::move(entry.error());
    dependencies_.outbox.submit(
        *std::move(entry),
        [mailbox = mailbox_, requester](const auto& result) { mailbox->put({requester, result}); });
    return std::nullopt;
  } catch (const std::exception&) {
    return problem({503, "the write could not be stored; send it again"});
  }
}

Reply Service::finish(Session& session, Outcome& outcome) {
  if (auto* reply = std::get_if<Reply>(&outcome.result)) return std::move(*reply);
  const auto& source = *session.request().admitted().source;
  return intake_.answer(source, std::get<std::expected<Appended, Failure>>(outcome.result));
}

Reply Service::time_out(Session& session) {
  return intake_.answer(
      *session.request().admitted().source,
      std::unexpected(Failure{
          FailureKind::overloaded,
          std::format("storing the entry: not on disk within {} ms, it may still come; look at the "
                      "disk, or raise append_timeout",
                      append_timeout_.count())}));
}

}  // namespace holdfast::ingress
