#include "test_server.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <nlohmann/json.hpp>

#include "requests.hpp"

namespace holdfast::ingress::test {

IngressConfig Setup::default_ingress() {
  IngressConfig config;
  config.listen = {"127.0.0.1", 0};
  return config;
}

std::vector<SourceConfig> Setup::default_sources() {
  auto whatsapp = source_of("wa", Provider::whatsapp);
  whatsapp.path = "/wa";
  whatsapp.secrets = {Secret("meta_app_secret")};
  whatsapp.verify_token = Secret("let me in");
  auto twilio = source_of("tw", Provider::twilio);
  twilio.path = "/tw";
  twilio.secrets = {Secret("12345")};
  auto bearer = source_of("act", Provider::bearer);
  bearer.path = "/api/act";
  bearer.secrets = {Secret("token-1")};
  return {source_of("plain", Provider::none), source_of("keyed", Provider::none, "/id"), whatsapp,
          twilio, bearer};
}

TestServer::TestServer(const Setup& setup) {
  const auto log = [this](const LogEvent& event) {
    log_.with([&](std::string& text) {
      text += std::format("{} {}", event.name, event.message);
      for (const auto& [name, value] : event.fields) text += std::format(" {}={}", name, value);
      text += '\n';
    });
  };
  auto config = setup.outbox;
  config.path = folder_.file("outbox.db");
  config.disk_reserve_bytes = 0;
  auto outbox = Outbox::open(
      config, {.clock = clock_, .log = log, .on_broken = [](const Failure&) {}, .vfs = ""});
  if (!outbox) FAIL(outbox.error().message);
  outbox_ = std::move(*outbox);
  if (setup.writer)
    writer_ = std::jthread([this](std::stop_token stop) { outbox_->run_writer(std::move(stop)); });
  auto server = IngressServer::start(
      setup.ingress, setup.sources, {*outbox_, clock_, log, [] {
                                       return IngressServer::HealthReply{200, R"({"status":"ok"})"};
                                     }});
  if (!server) FAIL(server.error().message);
  server_ = std::move(*server);
}

TestServer::~TestServer() {
  if (server_) server_->stop(std::chrono::seconds(5));
}

Answer TestServer::exchange(std::string_view bytes) const {
  return RawClient(port()).exchange(bytes);
}

Entry TestServer::entry_of(const Answer& answer) {
  const auto header = answer.headers.find("holdfast-id");
  REQUIRE(header != answer.headers.end());
  auto found = outbox_->find(Uuid::parse(header->second).value());
  REQUIRE(found);
  REQUIRE(*found);
  return std::move(**found);
}

std::size_t TestServer::entries() {
  ListRequest request;
  request.limit = list_limit_max;
  const auto listed = outbox_->list(request);
  REQUIRE(listed);
  return listed->size();
}

std::string TestServer::log_text() const {
  return log_.copy();
}

std::string post(std::string_view target, std::string_view body, std::string_view header_lines) {
  return std::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}", target,
                     body.size(), header_lines, body);
}

std::string get(std::string_view target, std::string_view header_lines) {
  return std::format("GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n", target, header_lines);
}

bool is_problem(const Answer& answer, int status) {
  if (answer.status != status) return false;
  const auto type = answer.headers.find("content-type");
  if (type == answer.headers.end() || type->second != "application/problem+json") return false;
  const auto document = nlohmann::json::parse(answer.body, nullptr, false);
  const bool complete = document.is_object() && document.value("type", "") == "about:blank" &&
                        document.value("status", 0) == status &&
                        !document.value("title", "").empty() &&
                        !document.value("detail", "").empty();
  const bool retry = answer.headers.contains("retry-after");
  return complete && retry == (status == 503);
}

}  // namespace holdfast::ingress::test
