#include "observe/admin_server.hpp"

#include <httplib.h>

#include <format>
#include <utility>

#include "observe/admin_routes.hpp"
#include "observe/http_server.hpp"

namespace holdfast::observe {
namespace {

std::vector<std::string> all_values(const httplib::Request& request, const char* name) {
  std::vector<std::string> values;
  const auto [first, last] = request.headers.equal_range(name);
  for (auto header = first; header != last; ++header) values.push_back(header->second);
  return values;
}

AdminRequest admin_request(const httplib::Request& request) {
  return {request.method, request.path, all_values(request, "Host"),
          all_values(request, "Authorization"), request.version == "HTTP/1.0"};
}

void fill(httplib::Response& response, AdminAnswer answer) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_content(std::move(answer.body), answer.content_type);
}

}  // namespace

class AdminServer::Impl {
 public:
  Impl(const AdminConfig& config, Dependencies dependencies)
      : context_{std::move(dependencies.health), std::move(dependencies.source_names),
                 config.token.reveal(), std::move(dependencies.history)},
        log_(std::move(dependencies.log)) {}

  void handle(const httplib::Request& request, httplib::Response& response) const {
    try {
      fill(response, answer(admin_request(request), context_));
    } catch (const std::exception& error) {
      log_({LogLevel::error,
            "admin_request_failed",
            std::format("answering an admin request: {}", error.what()),
            {{"path", request.path.substr(0, 64)}}});
      fill(response, problem(500, "The answer could not be made; the log says why."));
    }
  }

  // Constant after start. The server is last: its threads must end before what they use.
  AdminContext context_;
  LogSink log_;
  std::unique_ptr<HttpServer> server_;
};

std::expected<std::unique_ptr<AdminServer>, Failure> AdminServer::start(const AdminConfig& config,
                                                                        Dependencies dependencies) {
  if (config.token.empty() && !config.listen.is_loopback())
    return std::unexpected(Failure{
        FailureKind::refused,
        std::format("listening on {}: an admin listener without a token must be on loopback; "
                    "set admin.token or change admin.listen",
                    config.listen.to_string())});
  const Clock& clock = dependencies.clock;
  auto impl = std::make_unique<Impl>(config, std::move(dependencies));
  auto server = HttpServer::start(
      config.listen, clock,
      {[&owner = *impl](const auto& request, auto& response) { owner.handle(request, response); },
       [](const auto&, auto& response) {
         fill(response, problem(response.status, "The request is not HTTP as served here."));
       }});
  if (!server) return std::unexpected(server.error());
  impl->server_ = *std::move(server);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;
ListenAddress AdminServer::address() const {
  return impl_->server_->address();
}
void AdminServer::stop() {
  impl_->server_->stop();
}

}  // namespace holdfast::observe
