#pragma once

#include <httplib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "ingress/chunk_scanner.hpp"
#include "ingress/connection.hpp"
#include "ingress/head.hpp"

namespace holdfast::ingress {

/// One request as the HTTP library reads it: a head that we write ourselves, with nothing in it but
/// the framing, then the body from the connection, up to its end and no further. The library thus
/// never sees a header that it would act on (Range, Accept, Upgrade, Content-Encoding) or decode,
/// and its compiled-in limits do not apply.
///
/// Threads:  one at a time.
class MessageStream final : public httplib::Stream {
 public:
  /// Needs:    `connection` and `head` live as long as this.
  MessageStream(Connection& connection, const RequestHead& head, SteadyTime deadline);

  /// True once the whole message was read, so that the next one starts where this one ended.
  [[nodiscard]] bool complete() const;
  /// Why reading ended early: 400 or 408.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  /// Ends all reading: the rest of the body is not wanted any more.
  void abandon() { abandoned_ = true; }

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool wait_readable() const override { return true; }
  [[nodiscard]] bool wait_writable() const override { return true; }
  ssize_t read(char* into, std::size_t size) override;
  ssize_t write(const char* bytes, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  [[nodiscard]] socket_t socket() const override { return connection_.socket(); }
  [[nodiscard]] time_t duration() const override { return 0; }

 private:
  [[nodiscard]] ssize_t read_body(char* into, std::size_t size);
  [[nodiscard]] bool wait_for_bytes();

  Connection& connection_;
  const bool chunked_;
  const SteadyTime deadline_;
  std::string head_;  ///< The canonical one.
  std::size_t head_read_ = 0;
  std::uint64_t remaining_;  ///< Of a body with Content-Length.
  ChunkScanner chunks_;
  std::optional<Fault> fault_;
  bool abandoned_ = false;
};

}  // namespace holdfast::ingress
