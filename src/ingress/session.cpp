#include "ingress/session.hpp"

#include "base/check.hpp"

namespace holdfast::ingress {
namespace {

/// Answers are small: a peer that does not take one in this time is stuck.
constexpr std::chrono::seconds write_limit{5};
/// A socket that is closed with unread bytes is reset, and the reset takes the answer from a peer
/// that has not read it yet. So what comes after the last answer is read and thrown away.
constexpr std::chrono::seconds linger_limit{1};
constexpr std::size_t linger_bytes_max = 64 * mib;
/// Reads between two looks at other connections.
constexpr int reads_max = 8;

}  // namespace

Session::Session(Context& context, int socket, const IpAddress& peer, Places::Place place)
    : context_(context),
      peer_(peer),
      place_(std::move(place)),
      connection_(socket),
      since_(context.clock.steady_now()) {}

Session::Need Session::advance() {
  for (int reads = 0;;) {
    switch (connection_.flush()) {
      case Connection::Flushed::all: break;
      case Connection::Flushed::some: enter(Stage::writing); return Need::output;
      case Connection::Flushed::gone: return Need::end;
    }
    if (ending_ != Ending::none) return linger();
    if (!connection_.buffered().empty() || (reception_ && reception_->complete())) {
      if (const auto need = read_on()) return *need;
      if (ending_ != Ending::none) continue;
    }
    if (++reads > reads_max) return wait_for_input();
    switch (connection_.receive()) {
      case Connection::Received::data: break;
      case Connection::Received::nothing: return wait_for_input();
      case Connection::Received::closed:
        if (!reception_ || reception_->empty()) return Need::end;
        refuse(problem({400, "the request ended before its end"}), reception_->admitted().source);
    }
  }
}

/// Takes what is buffered; nullopt if more is to be read, or an answer to be written.
std::optional<Session::Need> Session::read_on() {
  if (!reception_) {
    reception_.emplace(context_.limits, context_.sources, context_.budget,
                       context_.clock.steady_now());
    stage_ = Stage::receiving;
    since_ = reception_->started();
  }
  const auto progress = reception_->take(connection_);
  if (!progress) {
    refuse(progress.error().reply, progress.error().source);
    return std::nullopt;
  }
  if (*progress == Reception::Progress::complete) {
    stage_ = Stage::serving;
    return Need::service;
  }
  if (reception_->take_expectation()) {
    connection_.queue("HTTP/1.1 100 Continue\r\n\r\n");
    // The rest of the wait is the request's, from its first byte on.
    if (connection_.flush() == Connection::Flushed::gone) return Need::end;
  }
  return std::nullopt;
}

Session::Need Session::wait_for_input() {
  if (reception_) {
    stage_ = Stage::receiving;
    since_ = reception_->started();
    return Need::input;
  }
  if (context_.closing.load(std::memory_order_relaxed)) return Need::end;
  enter(Stage::idle);
  return Need::input;
}

Session::Need Session::linger() {
  if (ending_ == Ending::close && !connection_.has_unread()) return Need::end;
  if (stage_ != Stage::lingering) {
    place_.set_going();
    if (!connection_.finish()) return Need::end;
    enter(Stage::lingering);
  }
  for (int reads = 0; reads < reads_max; ++reads) {
    discarded_ += connection_.buffered().size();
    connection_.consume(connection_.buffered().size());
    if (discarded_ > linger_bytes_max) return Need::end;
    switch (connection_.receive()) {
      case Connection::Received::data: break;
      case Connection::Received::nothing: return Need::input;
      case Connection::Received::closed: return Need::end;
    }
  }
  return Need::input;
}

void Session::answer(const Reply& reply) {
  HOLDFAST_CHECK(reception_ && reception_->complete(), "an answer belongs to a whole request");
  const auto& head = reception_->head();
  // The shutdown may have begun since: a sender that is told so opens another connection.
  const bool last = !head.keep_alive || reply.status >= 400 || context_.closing.load();
  const auto persistence = last                      ? Persistence::close
                           : head.version_minor == 0 ? Persistence::keep_alive
                                                     : Persistence::implied;
  connection_.queue(render(reply, head.method, persistence, context_.clock.wall_now()));
  if (last) ending_ = reply.status >= 400 ? Ending::linger : Ending::close;
  const auto source = reception_->admitted().source;
  const auto started = reception_->started();
  // Before the answer leaves: a sender that has it may send the next at once, and must find room.
  reception_.reset();
  context_.answered(source.get(), reply.status, started);
}

void Session::refuse(const Reply& reply, SharedSource source) {
  const auto now = context_.clock.steady_now();
  const auto method = reception_ ? reception_->head().method : std::string();
  connection_.queue(render(reply, method, Persistence::close, context_.clock.wall_now()));
  ending_ = Ending::linger;
  const auto started = reception_ ? reception_->started() : now;
  reception_.reset();
  context_.answered(source.get(), reply.status, started);
}

bool Session::expire() {
  if (stage_ != Stage::receiving || !reception_ || reception_->empty()) return false;
  refuse(problem({408, "the request was not complete within request_deadline"}),
         reception_->admitted().source);
  return true;
}

SteadyTime Session::deadline() const {
  switch (stage_) {
    case Stage::idle: return since_ + context_.keep_alive_timeout;
    case Stage::receiving: return since_ + context_.request_deadline;
    case Stage::writing: return since_ + write_limit;
    case Stage::lingering: return since_ + linger_limit;
    case Stage::serving: break;
  }
  return SteadyTime::max();
}

std::size_t Session::bytes() const {
  return connection_.memory() + (reception_ ? reception_->memory() : 0);
}

void Session::enter(Stage stage) {
  if (stage_ == stage) return;
  stage_ = stage;
  since_ = context_.clock.steady_now();
}

}  // namespace holdfast::ingress
