#include "postgres/inbox_columns.hpp"

#include <optional>
#include <string_view>

#include "base/encoding.hpp"

namespace holdfast::postgres {
namespace {

std::optional<std::string> text(const std::optional<std::string>& bytes) {
  return bytes.transform([](const std::string& b) { return base::to_postgres_text(b); });
}

std::optional<std::string> unless_empty(const std::string& bytes) {
  return bytes.empty() ? std::nullopt : std::optional(base::to_postgres_text(bytes));
}

}  // namespace

void InboxColumns::reserve(std::size_t entries, std::size_t body_bytes) {
  // The large ones; most payloads are as long as their bodies.
  body_.reserve(entries, body_bytes);
  payload_.reserve(entries, body_bytes);
}

void InboxColumns::add(const Entry& entry, const Payload& payload, bool unfit) {
  id_.add(entry.id);
  source_.add(std::string_view(base::to_postgres_text(entry.source)));
  dedupe_key_.add(text(entry.dedupe_key));
  seq_.add(entry.seq);
  received_at_.add(entry.received_at);
  method_.add(std::string_view(base::to_postgres_text(entry.method)));
  target_.add(std::string_view(base::to_postgres_text(entry.target)));
  remote_address_.add(unless_empty(entry.remote_address));
  content_type_.add(unless_empty(entry.content_type));
  headers_.add(std::string_view(headers_json(entry.headers)));
  body_.add(std::string_view(entry.body));
  if (unfit)
    payload_.add_null();
  else
    payload_.add(payload.json);
  unfit_.add(unfit);
  traceparent_.add(text(entry.traceparent));
}

std::array<Parameter, 15> InboxColumns::parameters(const std::string& node) const {
  return {{{id_.bytes()},
           {source_.bytes()},
           {dedupe_key_.bytes()},
           {seq_.bytes()},
           {received_at_.bytes()},
           {method_.bytes()},
           {target_.bytes()},
           {remote_address_.bytes()},
           {content_type_.bytes()},
           {headers_.bytes()},
           {body_.bytes()},
           {payload_.bytes()},
           {unfit_.bytes()},
           {traceparent_.bytes()},
           {node}}};
}

}  // namespace holdfast::postgres
