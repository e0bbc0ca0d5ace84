#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/http.hpp"

namespace holdfast::support {

/// A client of the admin API that keeps every exchange, to be held against its description.
///
/// Threads:  one at a time.
class AdminApi {
 public:
  explicit AdminApi(std::uint16_t port, std::string token = "")
      : port_(port), token_(std::move(token)) {}
  struct Answer {
    int status = 0;
    nlohmann::json json;  ///< Null where the body is no JSON.
    HttpResponse response;
  };
  Answer get(const std::string& target);
  Answer post(const std::string& target, const std::string& body = "{}");
  Answer send(HttpRequest request);

  /// Keeps an exchange that was made by other means.
  void record(const std::string& method, const std::string& path, int status,
              const std::string& content_type, const std::string& body);
  /// One exchange a line, for openapi_check.py.
  [[nodiscard]] const std::string& exchanges() const { return exchanges_; }

 private:
  // Constant after construction.
  std::uint16_t port_;
  std::string token_;

  std::string exchanges_;
};

}  // namespace holdfast::support
