#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/guarded.hpp"
#include "base/json_pointer.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "ingress/dedupe.hpp"
#include "ingress/head.hpp"
#include "ingress/replies.hpp"
#include "ingress/verify/keys.hpp"

namespace holdfast::ingress {

/// A source as the ingress uses it: its configuration, and what was worked out from it once.
/// Whoever has a request of it holds it, so that a request ends by the source that it began with,
/// also when a reload has replaced that.
struct Source {
  SourceConfig config;
  DedupeRule dedupe;
  std::optional<base::JsonPointer> order_by;
  verify::Keys keys;
  std::uint64_t body_bytes_max = 0;
  std::string public_url;  ///< Its own, else that of the ingress; empty: taken from the request.
};

using SharedSource = std::shared_ptr<const Source>;

/// What a request that may go on wants.
enum class Wish { store, challenge, health };

struct Admitted {
  Wish wish = Wish::store;
  SharedSource source = nullptr;  ///< Null for health only.
};
struct Refused {
  Reply reply;
  SharedSource source = nullptr;  ///< Null where no source is meant.
};

/// All sources by path, and the decision on a request before a byte of its body is read.
///
/// Threads:  any.
class SourceTable {
 public:
  /// Errors:   refused: two sources with one path, a reserved path, a bad `dedupe` or
  ///           `order_by`, a secret that cannot be decoded.
  [[nodiscard]] static std::expected<SourceTable, Failure> make(const IngressConfig& config,
                                                                std::vector<SourceConfig> sources);
  /// Looks at path, method, encodings, declared size, and a token: whatever can be refused is
  /// refused now. Paths match exactly, on the raw bytes.
  [[nodiscard]] std::variant<Admitted, Refused> admit(const RequestHead& head) const;
  /// The largest body that any of them takes.
  [[nodiscard]] std::uint64_t body_bytes_max() const;

 private:
  std::map<std::string, SharedSource, std::less<>> by_path_;
};

/// The table in force. A request takes what it needs of it when its head is complete.
///
/// Threads:  any.
class SourcesInForce {
 public:
  explicit SourcesInForce(SourceTable table)
      : table_(std::make_shared<const SourceTable>(std::move(table))) {}
  [[nodiscard]] std::shared_ptr<const SourceTable> get() const { return table_.copy(); }
  void set(std::shared_ptr<const SourceTable> table) {
    // The old one goes when the lock is given back.
    table_.with([&](auto& current) { current.swap(table); });
  }

 private:
  // Guarded: any thread.
  base::Guarded<std::shared_ptr<const SourceTable>> table_;
};

/// The answer to WhatsApp's GET: the challenge, or 403.
[[nodiscard]] Reply answer_challenge(const Source& source, const RequestHead& head);

inline constexpr std::string_view health_path = "/api/health";

}  // namespace holdfast::ingress
