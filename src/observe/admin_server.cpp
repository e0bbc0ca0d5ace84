#include "observe/admin_server.hpp"

#include <httplib.h>

#include <atomic>
#include <format>
#include <utility>

#include "base/guarded.hpp"
#include "observe/admin_routes.hpp"
#include "observe/health.hpp"
#include "observe/http_server.hpp"

namespace holdfast::observe {
namespace {

std::vector<std::string> all_values(const httplib::Request& request, const char* name) {
  std::vector<std::string> values;
  const auto [first, last] = request.headers.equal_range(name);
  for (auto header = first; header != last; ++header) values.push_back(header->second);
  return values;
}

AdminRequest admin_request(const httplib::Request& request, std::string body) {
  return {.method = request.method,
          .path = request.path,
          .hosts = all_values(request, "Host"),
          .authorizations = all_values(request, "Authorization"),
          .http_1_0 = request.version == "HTTP/1.0",
          .query = {request.params.begin(), request.params.end()},
          .content_types = all_values(request, "Content-Type"),
          .origins = all_values(request, "Origin"),
          .body = std::move(body)};
}

void fill_headers(httplib::Response& response, const AdminAnswer& answer) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  if (!response.has_header("Cache-Control")) response.set_header("Cache-Control", "no-store");
  response.set_header("X-Content-Type-Options", "nosniff");
}

void fill(httplib::Response& response, AdminAnswer answer) {
  fill_headers(response, answer);
  response.set_content(std::move(answer.body), answer.content_type);
}

const char* refusal_text(int status) {
  switch (status) {
    case httplib::StatusCode::PayloadTooLarge_413: return "The body is too long for this path.";
    case httplib::StatusCode::ServiceUnavailable_503:
      return "Too many changes are under way; ask again.";
    default: return "The request is not HTTP as served here.";
  }
}

/// A body that the library would unpack, or take apart, before anybody has looked at it; and a
/// range of which it would say 416 after the change was made.
std::optional<AdminAnswer> refuse_encoding(const httplib::Request& request) {
  if (request.method == "POST" && !request.ranges.empty())
    return problem(400, "A change has no ranges; send it without Range.");
  if (request.has_header("Content-Encoding"))
    return problem(415, "A body is taken as it is, without a Content-Encoding.");
  if (request.is_multipart_form_data())
    return problem(415, "A body of several parts is not taken.");
  return std::nullopt;
}

}  // namespace

class AdminServer::Impl {
 public:
  using SharedContext = std::shared_ptr<const AdminContext>;

  Impl(const AdminConfig& config, Dependencies dependencies)
      : dependencies_(std::move(dependencies)),
        context_(context_of(config, dependencies_.source_names, dependencies_.metric_names)) {}

  std::optional<std::size_t> admit(const httplib::Request& request, httplib::Response& response) {
    std::optional<std::size_t> bytes_max;
    guarded(request, response, [&] {
      auto refusal = refuse_encoding(request);
      if (!refusal) {
        auto admission = observe::admit(admin_request(request, {}), *context_.copy());
        refusal = std::move(admission.refusal);
        if (!refusal) bytes_max = admission.body_bytes_max;
      }
      if (refusal) fill(response, *std::move(refusal));
    });
    return bytes_max;
  }

  void handle(const httplib::Request& request, std::string body, httplib::Response& response) {
    guarded(request, response, [&] {
      auto made = answer(admin_request(request, std::move(body)), *context_.copy());
      if (!made.stream || request.method == "HEAD") return fill(response, std::move(made));
      if (streams_.fetch_add(1) < admin_streams_max)
        return stream(request, std::move(made), response);
      --streams_;
      auto busy = problem(503, "Too many streams are open; ask /api/v1/status from time to time.");
      busy.headers.emplace_back("Retry-After", "5");
      fill(response, std::move(busy));
    });
  }

  void reload(const AdminConfig& config, std::vector<std::string> source_names,
              std::vector<std::string> metric_names) {
    auto context = context_of(config, std::move(source_names), std::move(metric_names));
    // The old one goes when the lock is given back.
    context_.with([&](auto& current) { current.swap(context); });
  }

  // Set by start, then constant. Last of all parts: its threads must end before what they use.
  std::unique_ptr<HttpServer>& server() { return server_; }

 private:
  template <class F>
  void guarded(const httplib::Request& request, httplib::Response& response, F&& make) const {
    try {
      make();
    } catch (const std::exception& error) {
      dependencies_.log({LogLevel::error,
                         "admin_request_failed",
                         std::format("answering an admin request: {}", error.what()),
                         {{"path", request.path.substr(0, 64)}}});
      fill(response, problem(500, "The answer could not be made; the log says why."));
    }
  }

  /// One event a second, the first at once, for as long as the request would be admitted: a token
  /// may be taken away meanwhile. The place is given back when the library is done.
  void stream(const httplib::Request& request, AdminAnswer first, httplib::Response& response) {
    fill_headers(response, first);
    auto& connection = server_->stream_of(request);
    response.set_chunked_content_provider(
        first.content_type,
        [this, &connection, asked = admin_request(request, {}), event = std::move(first.body)](
            std::size_t offset, httplib::DataSink& sink) mutable {
          if (offset > 0) {
            if (!connection.rest(stream_interval)) return false;
            const auto context = context_.copy();
            if (observe::admit(asked, *context).refusal) return false;
            event = stream_event(dependencies_.health(), context->source_names);
          }
          return sink.write(event.data(), event.size());
        },
        [this](bool) { --streams_; });
  }

  [[nodiscard]] SharedContext context_of(const AdminConfig& config,
                                         std::vector<std::string> source_names,
                                         std::vector<std::string> metric_names) const {
    return std::make_shared<const AdminContext>(AdminContext{
        dependencies_.health, std::move(source_names), std::move(metric_names), config.tokens,
        dependencies_.history, dependencies_.operations, dependencies_.log});
  }

  // Constant after construction.
  const Dependencies dependencies_;
  // Guarded: any thread. A request is answered by the one that was in force when it came.
  base::Guarded<SharedContext> context_;
  std::atomic<std::size_t> streams_{0};
  std::unique_ptr<HttpServer> server_;
};

std::expected<void, Failure> AdminServer::check(const AdminConfig& config) {
  if (config.tokens.empty() && !config.listen.is_loopback())
    return std::unexpected(Failure{
        FailureKind::refused,
        std::format("listening on {}: an admin listener without a token must be on loopback; "
                    "set admin.token or change admin.listen",
                    config.listen.to_string())});
  return {};
}

std::expected<std::unique_ptr<AdminServer>, Failure> AdminServer::start(const AdminConfig& config,
                                                                        Dependencies dependencies) {
  if (auto checked = check(config); !checked) return std::unexpected(checked.error());
  const Clock& clock = dependencies.clock;
  auto impl = std::make_unique<Impl>(config, std::move(dependencies));
  auto server =
      HttpServer::start(config.listen, clock,
                        {[&owner = *impl](const auto& request, auto& response) {
                           return owner.admit(request, response);
                         },
                         [&owner = *impl](const auto& request, std::string body, auto& response) {
                           owner.handle(request, std::move(body), response);
                         },
                         [](const auto&, auto& response) {
                           fill(response, problem(response.status, refusal_text(response.status)));
                         }});
  if (!server) return std::unexpected(server.error());
  impl->server() = *std::move(server);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;
ListenAddress AdminServer::address() const {
  return impl_->server()->address();
}
void AdminServer::reload(const AdminConfig& config, std::vector<std::string> source_names,
                         std::vector<std::string> metric_names) {
  impl_->reload(config, std::move(source_names), std::move(metric_names));
}
void AdminServer::stop() {
  impl_->server()->stop();
}

}  // namespace holdfast::observe
