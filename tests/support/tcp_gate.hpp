#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::support {

/// A TCP port on 127.0.0.1 that nothing listens on, below the ephemeral range: unlike one that
/// bind(0) gives, no outgoing connection can take it while its listener is down.
[[nodiscard]] std::uint16_t unused_port();

/// A TCP proxy on 127.0.0.1 that stands between a client and Postgres and misbehaves on demand.
///
/// Threads:  any; a thread of its own moves the bytes.
class TcpGate {
 public:
  enum class Mode {
    pass,
    refuse,      ///< Nothing listens: connection refused. Open connections go on.
    stall,       ///< Connections are taken, nothing is read or forwarded; goes on where it stopped.
    black_hole,  ///< Everything is read and thrown away; such connections are cut on the next mode.
    half_open,   ///< The same, as if the other side had vanished: not even an end gets through.
  };
  enum class Direction { to_server, to_client };
  enum class CommitCut {
    none,
    after_forward,   ///< The server commits, the client never hears.
    before_forward,  ///< The server never sees COMMIT and rolls back.
  };
  struct Counts {
    std::uint64_t connections = 0;
    std::uint64_t cuts = 0;          ///< Connections ended by this gate.
    std::uint64_t commits_seen = 0;  ///< COMMIT messages of clients, cut or not.
    std::uint64_t commits_cut = 0;
    std::uint64_t flips = 0;  ///< Bytes that were altered.
    std::uint64_t bytes_to_server = 0;
    std::uint64_t bytes_to_client = 0;
  };

  explicit TcpGate(std::uint16_t upstream_port);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// postgresql://postgres@127.0.0.1:PORT/postgres
  [[nodiscard]] std::string url() const;
  /// Where new connections go from now on.
  void set_upstream(std::uint16_t port);
  /// Promise:  in force when this returns.
  void set_mode(Mode mode);
  /// Ends all open connections with a reset.
  void cut_all();
  /// Cuts the connections of the next `times` COMMITs.
  void cut_inside_commit(CommitCut where, std::uint64_t times = 1);
  /// Cuts the connection over which this many more bytes went that way, once.
  void cut_after_bytes(std::uint64_t bytes, Direction direction = Direction::to_server);
  /// Flips these bits of the byte that follows `offset` more bytes that way, once.
  void flip_byte(std::uint64_t offset, Direction direction, std::uint8_t bits = 0x20);
  /// Both ways and all connections together; 0: as fast as it goes.
  void set_speed(std::uint64_t bytes_per_second);
  /// Everything back to pass; nothing is armed any more.
  void heal();
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::size_t open_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::support
