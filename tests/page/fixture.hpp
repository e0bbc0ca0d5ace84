#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "support/browser.hpp"
#include "support/daemon.hpp"
#include "support/load.hpp"
#include "support/postgres_cluster.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

namespace holdfast::page {

/// What a case may wait for before the page shows it: a stream tells each second.
inline constexpr std::chrono::seconds soon{15};

/// The real daemon in front of a database of its own that may go away, and its page in a browser
/// that all cases share (as they do the server), since each takes seconds to start.
class Rig {
 public:
  struct Options {
    std::string token = {};
    bool destination = true;
    /// Lines of [destination]; by default tries come quickly.
    std::string destination_lines = "connect_timeout = \"5s\"\nbackoff_max = \"1s\"\n";
  };
  Rig() : Rig(Options{}) {}
  explicit Rig(Options options);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  support::Browser& browser;
  std::unique_ptr<support::TcpGate> gate;  ///< None without a destination.
  std::unique_ptr<support::Daemon> daemon;

  /// Loads the page at this hash, such as "#state=dead".
  void open(std::string_view hash = "");
  [[nodiscard]] std::string url(std::string_view hash = "") const;
  [[nodiscard]] std::string sentence() const { return browser.text("#sentence"); }
  /// Waits until the element's text has this in it.
  [[nodiscard]] bool says(std::string_view css, std::string_view part,
                          std::chrono::milliseconds deadline = soon) const;
  /// Waits until so many elements match.
  [[nodiscard]] bool comes_to(std::string_view css, std::size_t count) const;

  /// Postgres goes, and comes back.
  void lose_postgres();
  void mend_postgres();
  /// SQL in the database of this rig; the first column of the first row.
  std::string query(const std::string& sql) const;
  /// Posts a body to the source `plain`, or with a key to `keyed`; the id of the entry.
  std::string post(const std::string& body, const std::string& dedupe_key = "") const;
  /// Lets `inbox` refuse bodies with the word "poison" in it.
  void refuse_poison();
  /// GET of the admin API.
  [[nodiscard]] nlohmann::json api(const std::string& path) const;

 private:
  std::string database_;
  std::string token_;
};

}  // namespace holdfast::page
