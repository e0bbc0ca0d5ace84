#include "postgres/session.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <vector>

namespace holdfast::postgres {
namespace {

using namespace std::chrono_literals;

/// An address that does not even answer the first packet gets this share of the whole time, so that
/// the next address has its turn.
constexpr int address_share = 3;
constexpr int tls_reads = 4;

void ignore_notice(void* /*argument*/, const PGresult* /*result*/) {}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

std::optional<std::string_view> Rows::value(int row, int column) const {
  if (PQgetisnull(result_.get(), row, column) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), row, column),
                          static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

Session::Session(Connection connection, const Clock& clock, const Interrupt& interrupt)
    : connection_(std::move(connection)),
      former_receiver_(PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr)),
      clock_(&clock),
      interrupt_(&interrupt) {}

std::expected<Session, SqlError> Session::open(const Conninfo& conninfo, const Clock& clock,
                                               const Interrupt& interrupt) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : conninfo.parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  Session session({PQconnectStartParams(keywords.data(), values.data(), 0), PQfinish}, clock,
                  interrupt);
  if (!session.connection_) throw std::bad_alloc();
  if (auto done = session.handshake(conninfo); !done) return std::unexpected(done.error());
  return session;
}

std::expected<void, SqlError> Session::handshake(const Conninfo& conninfo) {
  PGconn* connection = connection_.get();
  // libpq has no call for the code of a failed connection, but in this mode the text begins with
  // it.
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  const auto failed = [&] {
    auto error = most_informative(PQerrorMessage(connection));
    return std::unexpected(SqlError{std::move(error.sqlstate), "", std::move(error.message), true});
  };
  if (PQstatus(connection) == CONNECTION_BAD) return failed();
  const auto deadline = clock_->steady_now() + conninfo.connect_timeout;
  const auto share =
      std::max<std::chrono::milliseconds>(2s, conninfo.connect_timeout / address_share);
  auto address_deadline = std::min(deadline, clock_->steady_now() + share);
  auto polled = PGRES_POLLING_WRITING;
  while (polled != PGRES_POLLING_OK) {
    if (polled == PGRES_POLLING_FAILED) return failed();
    const bool unanswered = PQstatus(connection) == CONNECTION_STARTED;
    const short events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const Waited waited = wait(events, unanswered ? address_deadline : deadline);
    if (waited == Waited::interrupted || clock_->steady_now() >= deadline)
      return std::unexpected(gave_up(waited));
    // libpq goes on to the next address when the socket of this one reports an error.
    if (waited == Waited::deadline) {
      shutdown(PQsocket(connection), SHUT_RDWR);
      address_deadline = std::min(deadline, clock_->steady_now() + share);
    }
    polled = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection, 1) != 0) return std::unexpected(link_error());
  return {};
}

std::expected<Rows, SqlError> Session::run(const std::string& sql, SteadyTime deadline) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return std::unexpected(link_error());
  return finish(deadline);
}

std::expected<Rows, SqlError> Session::run(const std::string& sql,
                                           std::span<const Parameter> parameters, bool binary_rows,
                                           SteadyTime deadline) {
  if (auto fits = check_sizes(parameters); !fits) return std::unexpected(fits.error());
  if (!send(sql, parameters, binary_rows)) return std::unexpected(link_error());
  return finish(deadline);
}

/// The limit of a field in Postgres, and of libpq's int.
std::expected<void, SqlError> Session::check_sizes(std::span<const Parameter> parameters) {
  for (const auto& parameter : parameters)
    if (parameter.bytes.size() > std::numeric_limits<int>::max() / 2)
      return std::unexpected(SqlError{"54000", "", "a parameter is over one gibibyte", false});
  return {};
}

bool Session::send(const std::string& sql, std::span<const Parameter> parameters,
                   bool binary_rows) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& parameter : parameters) {
    values.push_back(parameter.bytes.data());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
    formats.push_back(parameter.binary ? 1 : 0);
  }
  return PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(parameters.size()),
                           nullptr, values.data(), lengths.data(), formats.data(),
                           binary_rows ? 1 : 0) != 0;
}

std::expected<Rows, SqlError> Session::finish(SteadyTime deadline) {
  if (auto sent = flush(deadline); !sent) return std::unexpected(sent.error());
  std::optional<SqlError> first_error;
  Rows last(nullptr);
  for (;;) {
    if (auto answered = wait_for_answer(deadline); !answered)
      return std::unexpected(first_error.value_or(answered.error()));
    Rows rows(PQgetResult(connection_.get()));
    const PGresult* result = rows.raw();
    if (result == nullptr) break;
    const auto status = PQresultStatus(result);
    const bool good =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    // What follows an error is its consequence.
    if (!good && !first_error) first_error = result_error(result);
    if (good) last = std::move(rows);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) break;
    if (first_error && first_error->session_dead) break;
  }
  const bool lost = PQstatus(connection_.get()) == CONNECTION_BAD;
  if (lost && !first_error) first_error = link_error();
  if (lost) first_error->session_dead = true;
  if (first_error) return std::unexpected(*first_error);
  return last;
}

std::expected<void, SqlError> Session::flush(SteadyTime deadline) {
  for (;;) {
    // On an error, too: the server may have said why before it hung up, and that is read next.
    if (PQflush(connection_.get()) <= 0) return {};
    const Waited waited = wait(POLLIN | POLLOUT, deadline);
    if (waited != Waited::ready) return std::unexpected(gave_up(waited));
    // A server that waits for us to read would never read the rest of what we send.
    if (auto read = consume(); !read) return read;
  }
}

std::expected<void, SqlError> Session::consume() {
  // TLS takes whole records of 16 KiB from the socket, and libpq reads 8 KiB of it at a time: what
  // stays inside the TLS library makes no socket readable, so ask until it must be used up.
  for (int reads = PQsslInUse(connection_.get()) != 0 ? tls_reads : 1; reads > 0; --reads) {
    if (PQconsumeInput(connection_.get()) != 0) continue;
    // On a lost link PQgetResult has the reason, with the code if the server sent one.
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return {};
    return std::unexpected(link_error());
  }
  return {};
}

std::expected<void, SqlError> Session::wait_for_answer(SteadyTime deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    const Waited waited = wait(POLLIN, deadline);
    if (waited != Waited::ready) return std::unexpected(gave_up(waited));
    if (auto read = consume(); !read) return read;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return {};
  }
  return {};
}

Session::Waited Session::wait(short events, SteadyTime deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_->steady_now());
    if (left <= 0ms) return Waited::deadline;
    std::array<pollfd, 2> sockets{
        {{PQsocket(connection_.get()), events, 0}, {interrupt_->descriptor(), POLLIN, 0}}};
    const int limit = static_cast<int>(std::min<std::chrono::milliseconds>(left, 1h).count());
    const int ready = ::poll(sockets.data(), sockets.size(), limit);
    if (ready > 0 && sockets[1].revents != 0) return Waited::interrupted;
    if (ready > 0 || (ready < 0 && errno != EINTR)) return Waited::ready;
  }
}

bool Session::looks_alive() const {
  if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
  pollfd socket{PQsocket(connection_.get()), POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) == 0;
}

SqlError Session::gave_up(Waited reason) {
  return {"", "", reason == Waited::interrupted ? "interrupted" : "timeout expired: no answer",
          true};
}

SqlError Session::link_error() const {
  auto error = most_informative(PQerrorMessage(connection_.get()));
  return {std::move(error.sqlstate), "", std::move(error.message), true};
}

SqlError Session::result_error(const PGresult* result) const {
  SqlError error;
  error.sqlstate = field(result, PG_DIAG_SQLSTATE);
  // Only a result that libpq made itself has no code: the link is lost.
  if (error.sqlstate.empty()) return link_error();
  error.constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  error.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  error.session_dead =
      severity == "FATAL" || severity == "PANIC" || PQstatus(connection_.get()) == CONNECTION_BAD;
  return error;
}

}  // namespace holdfast::postgres
