#include "ingress/reception.hpp"

#include <algorithm>
#include <variant>

namespace holdfast::ingress {
namespace {

/// Room made for a body at once, because it is announced; more only as it arrives.
constexpr std::size_t reserve_bytes_max = 64 * kib;

}  // namespace

Reception::Taken Reception::take(Connection& connection) {
  if (state_ == State::head) {
    if (auto taken = take_head(connection); !taken || state_ == State::head) return taken;
  }
  return state_ == State::body ? take_body(connection) : Progress::complete;
}

std::unexpected<Refused> Reception::refused(const Fault& fault) const {
  return std::unexpected(Refused{problem(fault), admitted_.source});
}

Reception::Taken Reception::take_head(Connection& connection) {
  const auto complete = parser_.advance(connection.buffered());
  if (!complete) return refused(complete.error());
  if (!*complete) return Progress::more;
  head_bytes_ = parser_.size();
  connection.consume(head_bytes_);
  head_ = parser_.take();
  auto decision = sources_.admit(head_);
  if (auto* refusal = std::get_if<Refused>(&decision)) return std::unexpected(std::move(*refusal));
  admitted_ = std::get<Admitted>(decision);
  remaining_ = head_.content_length;
  state_ = head_.has_body() ? State::body : State::complete;
  expectation_ = head_.expect_continue;
  body_.reserve(std::min<std::size_t>(remaining_, reserve_bytes_max));
  return Progress::more;
}

Reception::Taken Reception::take_body(Connection& connection) {
  const auto before = body_.size();
  if (head_.chunked) {
    const auto belonging = chunks_.accept(connection.buffered(), &body_);
    if (!belonging) return refused(belonging.error());
    connection.consume(*belonging);
  } else {
    const auto bytes = connection.buffered().substr(0, remaining_);
    body_.append(bytes);
    remaining_ -= bytes.size();
    connection.consume(bytes.size());
  }
  if (body_.size() > admitted_.source->body_bytes_max)
    return refused({413, "the body is larger than max_body"});
  if (!share_.take(body_.size() - before))
    return refused({503, "too many bytes of requests are in flight; try again"});
  const bool whole = head_.chunked ? chunks_.complete() : remaining_ == 0;
  if (!whole) return Progress::more;
  state_ = State::complete;
  return Progress::complete;
}

}  // namespace holdfast::ingress
