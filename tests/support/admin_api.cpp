#include "support/admin_api.hpp"

namespace holdfast::support {

AdminApi::Answer AdminApi::get(const std::string& target) {
  return send({.method = "GET", .target = target});
}

AdminApi::Answer AdminApi::post(const std::string& target, const std::string& body) {
  return send({.method = "POST",
               .target = target,
               .headers = {{"Content-Type", "application/json"}},
               .body = body});
}

AdminApi::Answer AdminApi::send(HttpRequest request) {
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  Answer answer;
  HttpConnection connection(port_, std::chrono::seconds(90));
  auto response = connection.exchange(request);
  if (!response) throw std::runtime_error(request.target + ": " + response.error());
  answer.response = *std::move(response);
  answer.status = answer.response.status;
  answer.json = nlohmann::json::parse(answer.response.body, nullptr, false);
  if (answer.json.is_discarded()) answer.json = nullptr;
  record(request.method, request.target.substr(0, request.target.find('?')), answer.status,
         answer.response.header("Content-Type"), answer.response.body);
  return answer;
}

void AdminApi::record(const std::string& method, const std::string& path, int status,
                      const std::string& content_type, const std::string& body) {
  const nlohmann::json exchange{{"method", method},
                                {"path", path},
                                {"status", status},
                                {"content_type", content_type},
                                {"body", body}};
  exchanges_ += exchange.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace holdfast::support
