#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "holdfast/outbox.hpp"
#include "ingress/server.hpp"
#include "support/raw_client.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::ingress::test {

using support::Answer;
using support::RawClient;

/// What a test changes before the server starts.
struct Setup {
  IngressConfig ingress = default_ingress();
  OutboxConfig outbox = {};
  std::vector<SourceConfig> sources = default_sources();
  bool writer = true;  ///< False: nothing is ever committed.

  static IngressConfig default_ingress();
  /// plain (none), keyed (none, dedupe /id), wa (whatsapp, /wa), tw (twilio, /tw) and act (bearer,
  /// /api/act, token "token-1").
  static std::vector<SourceConfig> default_sources();
};

/// The real ingress on the real outbox, in a folder of its own.
class TestServer {
 public:
  explicit TestServer(const Setup& setup = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] IngressServer& server() { return *server_; }
  [[nodiscard]] Outbox& outbox() { return *outbox_; }
  [[nodiscard]] std::uint16_t port() const { return server_->address().port; }
  /// One exchange on a connection of its own.
  [[nodiscard]] Answer exchange(std::string_view bytes) const;
  /// The entry that an answer names; fails the test if there is none.
  [[nodiscard]] Entry entry_of(const Answer& answer);
  /// Entries of any state.
  [[nodiscard]] std::size_t entries();
  [[nodiscard]] std::string log_text() const;

 private:
  support::ScratchFolder folder_;
  SystemClock clock_;
  base::Guarded<std::string> log_;
  std::unique_ptr<Outbox> outbox_;
  std::jthread writer_;
  std::unique_ptr<IngressServer> server_;
};

/// A POST with Host and Content-Length.
[[nodiscard]] std::string post(std::string_view target, std::string_view body,
                               std::string_view header_lines = "");
/// A GET with Host.
[[nodiscard]] std::string get(std::string_view target, std::string_view header_lines = "");

/// True if the answer is an RFC 9457 document of this status.
[[nodiscard]] bool is_problem(const Answer& answer, int status);

}  // namespace holdfast::ingress::test
