#include "ingress/reception.hpp"

#include <variant>

namespace holdfast::ingress {
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
  connection.consume(parser_.size());
  head_ = parser_.take();
  auto decision = sources_.get()->admit(head_);
  if (auto* refusal = std::get_if<Refused>(&decision)) return std::unexpected(std::move(*refusal));
  admitted_ = std::get<Admitted>(std::move(decision));
  remaining_ = head_.content_length;
  state_ = head_.has_body() ? State::body : State::complete;
  expectation_ = head_.expect_continue;
  // No room is made for the body yet: what is only announced would cost us and not the sender.
  return Progress::more;
}

/// Once a quarter of the body is there, room for exactly the rest; before, the string doubles. So a
/// body takes at most four times what was sent of it, and in the end no more than it has.
void Reception::make_room(std::size_t bytes) {
  const auto needed = body_.size() + bytes;
  if (needed > body_.capacity() && needed >= head_.content_length / 4)
    body_.reserve(head_.content_length);
}

Reception::Taken Reception::take_body(Connection& connection) {
  const auto before = body_.size();
  if (head_.chunked) {
    const auto belonging = chunks_.accept(connection.buffered(), &body_);
    if (!belonging) return refused(belonging.error());
    connection.consume(*belonging);
  } else {
    const auto bytes = connection.buffered().substr(0, remaining_);
    make_room(bytes.size());
    body_.append(bytes);
    remaining_ -= bytes.size();
    connection.consume(bytes.size());
  }
  // A chunk's size counts when it is announced: nobody has to send what is refused anyway.
  if (body_.size() + chunks_.announced() > admitted_.source->body_bytes_max)
    return refused({413, "the body is larger than max_body"});
  if (!share_.take(body_.size() - before))
    return refused({503, "too many bytes of requests are in flight; try again"});
  const bool whole = head_.chunked ? chunks_.complete() : remaining_ == 0;
  if (!whole) return Progress::more;
  state_ = State::complete;
  return Progress::complete;
}

}  // namespace holdfast::ingress
