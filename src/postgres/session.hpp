#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "postgres/classify.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/interrupt.hpp"

namespace holdfast::postgres {

/// What is known of a statement or a connection attempt that failed.
struct SqlError {
  std::string sqlstate;  ///< Empty: libpq, a deadline or an interrupt.
  std::string constraint;
  std::string message;  ///< Primary message only.
  bool session_dead = false;
};

/// The rows of a statement; values in the format that was asked for.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, PQclear) {}
  [[nodiscard]] int size() const { return PQntuples(result_.get()); }
  [[nodiscard]] std::optional<std::string_view> value(int row, int column) const;
  /// What the server did, such as "COMMIT" or "INSERT 0 3".
  [[nodiscard]] std::string_view tag() const { return result_ ? PQcmdStatus(result_.get()) : ""; }
  [[nodiscard]] const PGresult* raw() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

/// A parameter in binary format, or a text.
struct Parameter {
  std::string_view bytes;
  bool binary = true;
};

/// One execution of a statement in a pipeline; all values as text.
struct PipelineStep {
  const std::string* sql = nullptr;                ///< Neighbours with the same one share a parse.
  std::span<const std::uint32_t> types;            ///< By object id; empty: the server finds them.
  std::vector<std::optional<std::string>> values;  ///< UTF-8 without NUL; nullopt: SQL null.
};
struct PipelineError {
  SqlError error;
  std::size_t step = 0;  ///< Position of the step that failed.
  /// The deadline passed while answers came: there was too much to do, and no link is to blame.
  bool too_slow = false;
};

/// How the other side is reached.
struct Link {
  bool is_local = false;  ///< By a Unix socket or a loopback address.
  bool has_tls = false;
  std::string tls_version;  ///< "TLSv1.3"
  std::string sslmode;      ///< In force.
};

/// One connection to Postgres. Every wait is ours: on the socket, a deadline and an interrupt, so
/// that a server that accepts and never answers costs a deadline and not the thread.
///
/// The statements go through libpq and not through libpqxx, because libpqxx 7.10 throws away what
/// the relay decides by: an exception carries no constraint name, 42501 no code, a connection that
/// fails no code at all, and its calls block without a limit.
///
/// Threads:  one at a time.
/// Blocks:   until the deadline of the call; only the lookup of a host name has the resolver's own.
class Session {
 public:
  [[nodiscard]] static std::expected<Session, SqlError> open(const Conninfo& conninfo,
                                                             const Clock& clock,
                                                             const Interrupt& interrupt);
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;
  /// A connection that somebody else has opened, from now on this session's.
  [[nodiscard]] static Session adopt(PGconn* connection, const Clock& clock,
                                     const Interrupt& interrupt);
  /// The connection as libpq opens one, whose calls block; the caller closes it. Notices go where
  /// the caller sends them, and nowhere until then.
  [[nodiscard]] PGconn* release() &&;

  /// One simple query, of one statement or several. The rows are the last one's.
  [[nodiscard]] std::expected<Rows, SqlError> run(const std::string& sql, SteadyTime deadline);
  /// One unnamed statement with parameters $1, $2, …; results in binary if asked for.
  [[nodiscard]] std::expected<Rows, SqlError> run(const std::string& sql,
                                                  std::span<const Parameter> parameters,
                                                  bool binary_rows, SteadyTime deadline);
  /// The types of a statement's parameters by object id, as the server finds them; those of `types`
  /// are given. Needs: an open transaction, so that a pooler keeps both messages on one server.
  [[nodiscard]] std::expected<std::vector<std::uint32_t>, SqlError> describe(
      const std::string& sql, std::span<const std::uint32_t> types, SteadyTime deadline);
  /// Runs all steps in order in one round trip, through the unnamed statement; rows are dropped.
  /// Nothing behind a step that fails is run. Needs: steps that fit into memory twice.
  [[nodiscard]] std::expected<void, PipelineError> run_pipeline(std::span<const PipelineStep> steps,
                                                                SteadyTime deadline);
  /// Runs statements without parameters and then one with them in one round trip; the rows, in
  /// binary, are its. Nothing behind one that fails is run. `meanwhile` is called once all is on
  /// its way; it must not throw.
  [[nodiscard]] std::expected<Rows, PipelineError> run_behind(
      std::span<const std::string> before, const std::string& sql,
      std::span<const Parameter> parameters, SteadyTime deadline,
      const std::function<void()>& meanwhile);
  /// False if the other side has hung up, as far as the socket knows; no round trip.
  [[nodiscard]] bool looks_alive() const;
  [[nodiscard]] Link link() const;

 private:
  using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
  enum class Waited { ready, deadline, interrupted };

  Session(Connection connection, const Clock& clock, const Interrupt& interrupt);
  [[nodiscard]] std::expected<void, SqlError> handshake(const Conninfo& conninfo);
  [[nodiscard]] std::expected<Rows, SqlError> finish(SteadyTime deadline);
  [[nodiscard]] static std::expected<void, SqlError> check_sizes(
      std::span<const Parameter> parameters);
  [[nodiscard]] bool send(const std::string& sql, std::span<const Parameter> parameters,
                          bool binary_rows);
  [[nodiscard]] bool send_step(const PipelineStep& step, bool parsed);
  /// `owners`: of which step each answer is. The rows of the last one.
  [[nodiscard]] std::expected<Rows, PipelineError> read_pipeline(
      std::span<const std::size_t> owners, SteadyTime deadline);
  [[nodiscard]] std::expected<void, SqlError> flush(SteadyTime deadline);
  [[nodiscard]] std::expected<void, SqlError> consume();
  [[nodiscard]] std::expected<void, SqlError> wait_for_answer(SteadyTime deadline);
  [[nodiscard]] Waited wait(short events, SteadyTime deadline) const;
  [[nodiscard]] static SqlError gave_up(Waited reason);
  [[nodiscard]] SqlError link_error() const;
  [[nodiscard]] SqlError result_error(const PGresult* result) const;

  Connection connection_;
  PQnoticeReceiver former_receiver_;  ///< What took the notices before: libpq's own.
  const Clock* clock_;
  const Interrupt* interrupt_;
};

}  // namespace holdfast::postgres
