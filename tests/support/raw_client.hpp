#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast::support {

/// An answer as it was on the wire; header names in lower case.
struct Answer {
  int status = 0;  ///< 0: the connection ended before a whole answer came.
  std::map<std::string, std::string> headers;
  std::string body;
};

/// A TCP connection on which a test writes what it likes, well-formed or not.
class RawClient {
 public:
  /// From the IPv4 address `from`, if one is given.
  explicit RawClient(std::uint16_t port, std::string_view host = "127.0.0.1",
                     const std::string& from = "");
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False if the peer has closed.
  bool send(std::string_view bytes);
  /// The next answer; `bodiless` for one to HEAD.
  [[nodiscard]] Answer receive(bool bodiless = false);
  [[nodiscard]] Answer exchange(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  /// True once the peer has closed, false if it has not in this time. Discards what it sends.
  [[nodiscard]] bool closed_within(std::chrono::milliseconds limit);
  /// True if the peer ended the connection with a reset.
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  /// Tells the peer that nothing more comes.
  void finish();
  /// Closes with a reset, as a peer that crashes does.
  void reset();

 private:
  [[nodiscard]] bool receive_more(std::chrono::milliseconds limit);

  int socket_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
  std::string received_;
};

}  // namespace holdfast::support
