#include "postgres/session.hpp"

namespace holdfast::postgres {
namespace {

void ignore_text(void* /*argument*/, const char* /*text*/) {}

}  // namespace

Session Session::adopt(PGconn* connection, const Clock& clock, const Interrupt& interrupt) {
  // It fails only on a lost link, which the first statement tells.
  (void)PQsetnonblocking(connection, 1);
  return {Connection(connection, PQfinish), clock, interrupt};
}

PGconn* Session::release() && {
  (void)PQsetnonblocking(connection_.get(), 0);
  // The receiver hands on to the processor; libpq's own of those would print to standard error, and
  // one of an earlier owner may be gone.
  PQsetNoticeReceiver(connection_.get(), former_receiver_, nullptr);
  PQsetNoticeProcessor(connection_.get(), ignore_text, nullptr);
  return connection_.release();
}

Link Session::link() const {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  Link link;
  const auto address = text(PQhostaddr(connection_.get()));
  link.is_local = text(PQhost(connection_.get())).starts_with('/') || address.starts_with("127.") ||
                  address == "::1";
  link.has_tls = PQsslInUse(connection_.get()) != 0;
  link.tls_version = text(PQsslAttribute(connection_.get(), "protocol"));
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfo(connection_.get()), PQconninfoFree);
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == "sslmode") link.sslmode = text(option->val);
  return link;
}

}  // namespace holdfast::postgres
