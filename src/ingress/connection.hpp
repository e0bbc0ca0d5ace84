#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::ingress {

/// One accepted socket with a buffer for each direction. Owns the socket. Nothing in it blocks: a
/// peer that is slow, or reads nothing, must never hold a thread.
///
/// Threads:  one at a time.
class Connection {
 public:
  enum class Received { data, nothing, closed };
  enum class Flushed { all, some, gone };

  /// Needs:    `socket` does not block.
  explicit Connection(int socket) : socket_(socket) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  /// What was received and not consumed yet.
  [[nodiscard]] std::string_view buffered() const;
  void consume(std::size_t bytes);
  /// True if there is more from the peer, in the buffer or still with the system: a close would
  /// then be a reset, which may take the last answer with it.
  [[nodiscard]] bool has_unread() const;
  /// What both buffers take, whether it is used or not.
  [[nodiscard]] std::size_t memory() const { return input_.capacity() + output_.capacity(); }
  /// Takes what has arrived, at most read_bytes. Once it got less than that the system has no more,
  /// and is not asked again before arrived().
  [[nodiscard]] Received receive();
  /// More has arrived, or the peer is gone; `ending`: it sends no more, which a read has to find.
  void arrived(bool ending) {
    drained_ = false;
    ending_ = ending_ || ending;
  }
  /// False: there may be input that nothing will tell of; receive it.
  [[nodiscard]] bool drained() const { return drained_; }
  /// Puts bytes behind those that are still to be sent.
  void queue(std::string_view bytes) { output_.append(bytes); }
  /// Hands the system what it takes of them.
  [[nodiscard]] Flushed flush();
  /// No more will be sent. False if the peer is gone already.
  [[nodiscard]] bool finish();
  /// Gives the memory of empty buffers back.
  void shrink();

  static constexpr std::size_t read_bytes = 16'384;

 private:
  const int socket_;
  std::string input_;
  std::size_t consumed_ = 0;  ///< Of input_.
  std::string output_;
  std::size_t sent_ = 0;  ///< Of output_.
  bool drained_ = false;  ///< The system has no more input.
  bool ending_ = false;   ///< Nor will it ever have, but for the end.
};

}  // namespace holdfast::ingress
