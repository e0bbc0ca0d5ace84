#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "support/fake_postgres.hpp"
#include "support/wire_link.hpp"

/// What the sessions of one fake server share, and one session. Only fake_postgres*.cpp include
/// this.
namespace holdfast::support {

struct FakeState {
  struct Armed {
    Fault fault;
    std::uint64_t left = 0;  ///< 0: for ever.
  };
  FakePostgres::Options options;
  std::map<Place, Armed> faults;
  std::map<Place, std::uint64_t> visits;
  std::uint64_t connections = 0;
  std::vector<FakePostgres::Login> logins;
  std::vector<FakePostgres::Stored> stored;
  std::set<Uuid> ids;
  std::map<std::pair<std::string, std::string>, Uuid> keys;  ///< Source and key.
  std::uint64_t statements = 0;
  std::vector<WireRow> migrations;  ///< Name and hash.
};

/// One connection from the first byte to the last.
///
/// Threads:  one, its own.
class FakeSession {
 public:
  FakeSession(int socket, base::Guarded<FakeState>& state) : link_(socket), state_(state) {}
  void run();

 private:
  enum class Then { go_on, end };
  /// What a statement is, by its text.
  enum class Kind {
    begin,
    set,
    commit,
    rollback,
    inspect,
    migrations,
    migrate,
    lock,
    insert,
    find,
    types,
    plain,
    own
  };
  struct Answer {
    std::vector<WireColumn> columns;
    std::vector<WireRow> rows;
    std::string tag;
  };
  /// What the open transaction has done so far.
  struct Transaction {
    std::vector<FakePostgres::Stored> stored;
    std::vector<WireRow> migrations;
    std::uint64_t statements = 0;
  };

  [[nodiscard]] static Kind kind_of(const std::string& sql);
  [[nodiscard]] static std::vector<WireColumn> columns_of(Kind kind);
  [[nodiscard]] static std::optional<Place> place_of(Kind kind);

  // Before the first statement: fake_postgres_login.cpp.
  [[nodiscard]] Then greet();
  [[nodiscard]] Then log_in();
  [[nodiscard]] std::optional<std::string> startup_message();
  [[nodiscard]] Then ask_for_password(FakePostgres::Login& login, const std::string& expected);

  // Statements: fake_postgres_session.cpp.
  [[nodiscard]] Then answer_next();
  [[nodiscard]] Then on_message(char type, const std::string& content);
  [[nodiscard]] Then on_query(const std::string& sql);
  [[nodiscard]] Then on_parse(WireReader message);
  [[nodiscard]] Then on_bind(WireReader message);
  [[nodiscard]] Then on_describe(WireReader message);
  [[nodiscard]] Then on_execute();
  /// The fault of the place, if there is one now.
  [[nodiscard]] std::optional<Fault> fault_at(Place place);
  [[nodiscard]] Then commit_fault(const Fault& fault, bool simple);
  /// Does it; `simple` ends the answer, else the rest up to Sync is skipped.
  [[nodiscard]] Then do_fault(const Fault& fault, bool simple);
  [[nodiscard]] Answer answer(Kind kind, const std::string& sql);
  [[nodiscard]] bool is_refused() const;
  /// Of the entry that holds the key, be it in this transaction.
  [[nodiscard]] std::optional<Uuid> holder_of(const std::string& source,
                                              const std::string& key) const;
  [[nodiscard]] Answer insert();
  [[nodiscard]] Answer find();
  void end_transaction(bool keep);
  [[nodiscard]] Then send(const std::string& bytes);
  [[nodiscard]] std::string ready() const;

  WireLink link_;
  base::Guarded<FakeState>& state_;
  bool direct_tls_ = false;
  bool logged_in_ = false;
  char status_ = 'I';  ///< Idle, in a transaction, or failed in one.
  bool skipping_ = false;
  std::string sql_;  ///< Of the unnamed statement.
  std::vector<std::string> parameters_;
  Transaction transaction_;
};

}  // namespace holdfast::support
