#pragma once

#include <cstdint>

/// The few calls on sockets that everything between a client and Postgres needs.
namespace holdfast::support {

/// A listening socket on 127.0.0.1 that does not block, or -1 if the port is taken.
[[nodiscard]] int listen_on(std::uint16_t port);
/// A connected socket that does not block, or -1.
[[nodiscard]] int connect_to(std::uint16_t port);
/// Each write leaves at once.
void send_without_delay(int fd);
/// What was not read is lost on both sides; `fd` is -1 afterwards.
void close_with_reset(int& fd);

}  // namespace holdfast::support
