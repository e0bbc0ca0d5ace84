#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "support/wire_messages.hpp"

namespace holdfast::support {

/// Where in the conversation with Holdfast the server may do something else than it should.
enum class Place {
  hello,      ///< The first bytes of a connection, before TLS.
  login,      ///< The startup message, and the password if one is asked for.
  schema,     ///< The look at the tables.
  begin,      ///< BEGIN of a batch.
  inbox,      ///< The insert into `inbox`.
  describe,   ///< A source's own statement is parsed for the first time.
  statement,  ///< It is executed.
  commit,
};

struct Fault {
  enum class Kind {
    error,            ///< An ErrorResponse; FATAL and PANIC end the session.
    error_and_close,  ///< An ErrorResponse, and then the end, whatever its severity.
    close,            ///< An end in order, without a word.
    reset,            ///< The connection is torn down.
    stall,            ///< No answer, until the client goes.
    garbage,          ///< Bytes that are no message.
    half_message,     ///< The first half of an error, then the end.
    authentication,   ///< At login: a method of a number that nobody knows.
  };
  Kind kind = Kind::error;
  WireError error = {};
  bool committed = false;  ///< At COMMIT: the transaction is kept all the same.
};
/// An ERROR, which the session survives.
[[nodiscard]] Fault answers(std::string sqlstate, std::string text, std::string constraint = {});
/// A FATAL, which ends it.
[[nodiscard]] Fault ends_with(std::string sqlstate, std::string text);

/// A server on 127.0.0.1 that speaks PostgreSQL's protocol 3 as far as Holdfast needs it, keeps
/// what it is given in memory, and answers whatever a test wants at any place. So every code, and
/// the texts of Neon's proxy and of PgBouncer, can be had without them.
///
/// It knows statements by their text, no SQL: the tables are always there, each id and each key of
/// a source is stored once, and of a source's own statements it counts the executions that were
/// committed. The conformance suite of destinations runs on it, so that it cannot drift.
///
/// Threads:  any; a thread of its own for each connection.
class FakePostgres {
 public:
  struct Options {
    std::string certificate = {};  ///< PEM files; empty: SSLRequest is answered "N".
    std::string key = {};
    std::string password = {};        ///< Asked for in clear text if not empty.
    std::string refused_source = {};  ///< Its entries violate a check.
  };
  /// What a client has told of itself.
  struct Login {
    SteadyTime at;
    std::map<std::string, std::string> parameters;
    std::string server_name;  ///< Of the TLS hello.
    std::string password;
    bool encrypted = false;
    bool direct = false;  ///< TLS without an SSLRequest before it.
  };
  struct Stored {
    Uuid id;
    std::string source;
    std::int64_t seq = 0;
    std::string body;
    std::string key = {};  ///< Empty: none.
  };

  FakePostgres();
  explicit FakePostgres(Options options);
  ~FakePostgres();
  FakePostgres(const FakePostgres&) = delete;
  FakePostgres& operator=(const FakePostgres&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// postgresql://postgres@127.0.0.1:PORT/postgres
  [[nodiscard]] std::string url() const;

  /// From now on this place does that, `times` times; 0: until heal().
  void fail(Place place, Fault fault, std::uint64_t times = 0);
  /// A healthy server again.
  void heal();
  /// For connections from now on.
  void set_options(Options options);
  /// Ends all connections in order.
  void end_all();

  [[nodiscard]] std::vector<Login> logins() const;
  /// Connections so far, whatever became of them.
  [[nodiscard]] std::uint64_t connections() const;
  /// How often the place was reached.
  [[nodiscard]] std::uint64_t visits(Place place) const;
  /// What was committed, in order.
  [[nodiscard]] std::vector<Stored> stored() const;
  [[nodiscard]] bool holds(const Uuid& id) const;
  /// Executions of sources' own statements that were committed.
  [[nodiscard]] std::uint64_t statements() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::support
