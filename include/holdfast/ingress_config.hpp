#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"

namespace holdfast {

/// Where a socket listens.
struct HOLDFAST_EXPORT ListenAddress {
  std::string host;        ///< A name, or an address without brackets.
  std::uint16_t port = 0;  ///< 0 lets the system choose one.
  bool operator==(const ListenAddress&) const = default;  ///< By text: names are not looked up.
  [[nodiscard]] std::string to_string() const;  ///< "host:port", an IPv6 host in brackets.
  [[nodiscard]] bool is_loopback() const;       ///< 127.0.0.0/8, ::1 or "localhost".
};

/// How requests of senders are taken, and how much of them at once.
/// Who reads it from a file gets the ranges checked; who fills it by hand keeps to them.
struct IngressConfig {
  /// Where senders reach us. 127.0.0.1:8080, which nobody else reaches until somebody decides so;
  /// port 0 to 65535. Beyond loopback everybody may write to a source that verifies nothing.
  ListenAddress listen{"127.0.0.1", 8080};
  /// The URL that senders call, which Twilio signs. Empty, then it is taken from the request and
  /// from trusted proxies; else http or https without a query. Empty behind a proxy that is not
  /// trusted, or wrong: all of Twilio's signatures fail.
  std::string public_url;
  /// The largest body, in bytes. 4 MiB, room for any usual webhook (a source may have its own
  /// limit, and GitHub's is 25 MiB); 1 B to 64 MiB, at most max_inflight_bytes. Less: large
  /// webhooks get 413 and are lost. More: more memory a request, and longer commits for all.
  std::uint64_t max_body_bytes = 4 * mib;
  /// Requests that are served at once, which is to wait for their commit. 256, which one fsync can
  /// serve together (docs/decisions/0001); 1 to 10,000. Less: a burst waits, then gets 503. More:
  /// more memory, and more that wait for one slow sync.
  std::uint32_t max_connections = 256;
  /// Open connections, busy or not. 16,384, which take 64 MiB at most when idle; 1 to 1,000,000,
  /// lowered by itself to the limit of open files. Less: idle senders are closed earlier. More: a
  /// hostile crowd may hold more memory.
  std::uint32_t max_open_connections = 16'384;
  /// Open connections of one address, of IPv6 the first 64 bits; trusted proxies have no limit of
  /// their own. 1,024, a sixteenth of all; 1 to 1,000,000. Less: a large sender behind one address
  /// gets 503. More: one hostile address may hold more of all places.
  std::uint32_t max_connections_per_address = 1024;
  /// Headers of a request. 100, as Apache has it; 1 to 1,000. Less: requests through several
  /// proxies get 431. More: nothing gets worse up to the limit.
  std::uint32_t max_headers = 100;
  /// All headers of a request together, in bytes. 16 KiB, as Node.js has it; 1 to 512 KiB. Less:
  /// long tokens or cookies get 431. More: more memory for a connection that sends rubbish.
  std::uint64_t max_header_bytes = 16 * kib;
  /// The target of a request, in bytes. 8 KiB, which RFC 9112 wants at the least (8000); 64 B to
  /// 64 KiB. Less: webhooks by GET with long queries get 414. More: nothing up to the limit.
  std::uint64_t max_uri_bytes = 8 * kib;
  /// Bodies in memory that are not yet durable, in bytes. 256 MiB, which a small machine has; 1 KiB
  /// to 64 GiB, at least every max_body_bytes. Less: 503 in a burst. More: the process may be
  /// killed for its memory.
  std::uint64_t max_inflight_bytes = 256 * mib;
  /// From the first to the last byte of a request. 10 s, which a healthy sender never takes; 100 ms
  /// to 10 min. Less: senders on slow lines get 408. More: slow or hostile ones hold connections
  /// longer. The answer has 5 s of its own.
  std::chrono::milliseconds request_deadline{10'000};
  /// How long an idle connection stays open. 30 s, across the pauses of a busy sender; 1 s to 1 h.
  /// Less: more handshakes. More: idle senders hold connections longer.
  std::chrono::milliseconds keep_alive_timeout{30'000};
  /// How long a request waits for its commit. 5 s, above what a disk takes that works; 10 ms to
  /// 5 min. Less: 503 on a slow disk although the write may be stored, so duplicates. More: senders
  /// give up first, and repeat what is stored.
  std::chrono::milliseconds append_timeout{5'000};
  /// Proxies whose X-Forwarded-* headers count where there is no public_url: CIDR blocks, checked.
  /// 127.0.0.1/32, a proxy on this machine; 1,000 at most. A missing one: Twilio's signatures fail.
  /// One too many: who is in it can choose the URL that a signature is checked against.
  std::vector<std::string> trusted_proxies{"127.0.0.1/32"};
};

}  // namespace holdfast
