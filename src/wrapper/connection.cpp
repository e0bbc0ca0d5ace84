#include "wrapper/connection.hpp"

#include <poll.h>

namespace holdfast::wrapper {
namespace {

bool nothing_came(const PGconn* raw, short events) {
  pollfd socket{PQsocket(raw), events, 0};
  return ::poll(&socket, 1, 0) == 0;
}

}  // namespace

Connection::Connection(PGconn* raw)
    : raw_(raw), link_(pqxx::connection::seize_raw_connection(raw)) {}

void Connection::forget_handler() {
  link_.set_notice_handler({});
}

bool Connection::is_quiet() const {
  return PQstatus(raw_) == CONNECTION_OK && nothing_came(raw_, POLLIN | POLLRDHUP);
}

bool Connection::looks_alive() const {
  return PQstatus(raw_) == CONNECTION_OK && nothing_came(raw_, POLLRDHUP);
}

bool Connection::has_answered() const {
  // After an error the server says that it is ready again; after one that ends the session, never.
  // The word FATAL in the text would be in the server's language.
  const auto status = PQtransactionStatus(raw_);
  return PQstatus(raw_) == CONNECTION_OK && status != PQTRANS_ACTIVE && status != PQTRANS_UNKNOWN;
}

bool Connection::is_reusable() const {
  return PQstatus(raw_) == CONNECTION_OK && is_between_transactions();
}

bool Connection::has_failed_statement() const {
  return PQtransactionStatus(raw_) == PQTRANS_INERROR;
}

bool Connection::is_between_transactions() const {
  return PQtransactionStatus(raw_) == PQTRANS_IDLE;
}

}  // namespace holdfast::wrapper
