#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json_pointer.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "ingress/dedupe.hpp"
#include "ingress/head.hpp"
#include "ingress/replies.hpp"
#include "ingress/verify/keys.hpp"

namespace holdfast::ingress {

/// A source as the ingress uses it: its configuration, and what was worked out from it once.
struct Source {
  SourceConfig config;
  DedupeRule dedupe;
  std::optional<base::JsonPointer> order_by;
  verify::Keys keys;
  std::uint64_t body_bytes_max = 0;
  std::string public_url;  ///< Its own, else that of the ingress; empty: taken from the request.
};

/// What a request that may go on wants.
enum class Wish { store, challenge, health };

struct Admitted {
  Wish wish = Wish::store;
  const Source* source = nullptr;  ///< Null for health only.
};
struct Refused {
  Reply reply;
  const Source* source = nullptr;  ///< Null where no source is meant.
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
  std::map<std::string, std::unique_ptr<const Source>, std::less<>> by_path_;
};

/// The answer to WhatsApp's GET: the challenge, or 403.
[[nodiscard]] Reply answer_challenge(const Source& source, const RequestHead& head);

inline constexpr std::string_view health_path = "/api/health";

}  // namespace holdfast::ingress
