#include "support/fake_postgres_session.hpp"

/// The first messages of a connection: TLS, the startup message, the password.
namespace holdfast::support {
namespace {

constexpr std::int32_t ssl_request = 80877103;
constexpr std::int32_t gss_request = 80877104;
constexpr std::int32_t protocol_3_0 = 196608;
constexpr unsigned char tls_hello = 0x16;
constexpr std::int32_t startup_bytes_max = 10'000;

std::string authentication(std::int32_t method) {
  return wire_message('R', wire_int32(method));
}

std::string parameter_status(std::string_view name, std::string_view value) {
  std::string content(name);
  content += '\0';
  content.append(value) += '\0';
  return wire_message('S', content);
}

}  // namespace

void FakeSession::run() {
  if (greet() == Then::go_on && log_in() == Then::go_on) {
    logged_in_ = true;
    while (answer_next() == Then::go_on) {
    }
  }
  link_.end();
}

FakeSession::Then FakeSession::answer_next() {
  const auto head = link_.read(5);
  if (!head) return Then::end;
  WireReader reader(*head);
  const char type = reader.bytes(1).front();
  const auto content = link_.read(static_cast<std::size_t>(reader.int32()) - 4);
  return content ? on_message(type, *content) : Then::end;
}

FakeSession::Then FakeSession::greet() {
  // Not before the client has spoken: what a server says unasked may be lost with a reset.
  if (const auto first = link_.peek(); !first) return Then::end;
  if (const auto fault = fault_at(Place::hello)) return do_fault(*fault, false);
  return Then::go_on;
}

/// The one that starts a session; requests for encryption are answered on the way.
std::optional<std::string> FakeSession::startup_message() {
  const auto options = state_.with([](const auto& state) { return state.options; });
  for (;;) {
    const auto first = link_.encrypted() ? std::optional<unsigned char>(0) : link_.peek();
    if (first == tls_hello) {
      direct_tls_ = true;
      if (!link_.accept_tls(options.certificate, options.key)) return std::nullopt;
    }
    const auto head = link_.read(8);
    if (!head) return std::nullopt;
    WireReader reader(*head);
    const std::int32_t length = reader.int32();
    const std::int32_t code = reader.int32();
    if (code == protocol_3_0 && length >= 8 && length <= startup_bytes_max)
      return link_.read(static_cast<std::size_t>(length) - 8);
    const bool tls = code == ssl_request && !options.certificate.empty();
    if (!tls && code != ssl_request && code != gss_request) return std::nullopt;
    if (!link_.write(tls ? "S" : "N")) return std::nullopt;
    if (tls && !link_.accept_tls(options.certificate, options.key)) return std::nullopt;
  }
}

FakeSession::Then FakeSession::log_in() {
  const auto startup = startup_message();
  if (!startup) return Then::end;
  FakePostgres::Login login;
  WireReader reader(*startup);
  for (std::string name = reader.text(); !name.empty(); name = reader.text())
    login.parameters[name] = reader.text();
  login.at = SystemClock().steady_now();
  login.encrypted = link_.encrypted();
  login.direct = direct_tls_;
  login.server_name = link_.server_name();
  const auto expected = state_.with([](const auto& state) { return state.options.password; });
  const auto then = expected.empty() ? Then::go_on : ask_for_password(login, expected);
  state_.with([&](auto& state) { state.logins.push_back(login); });
  if (then == Then::end) return then;
  if (const auto fault = fault_at(Place::login)) return do_fault(*fault, false);
  return send(authentication(0) + parameter_status("server_version", "17.0") +
              parameter_status("client_encoding", "UTF8") +
              parameter_status("standard_conforming_strings", "on") +
              wire_message('K', wire_int32(1) + wire_int32(1)) + ready());
}

FakeSession::Then FakeSession::ask_for_password(FakePostgres::Login& login,
                                                const std::string& expected) {
  if (send(authentication(3)) == Then::end) return Then::end;
  const auto head = link_.read(5);
  if (!head) return Then::end;
  WireReader reader(*head);
  (void)reader.bytes(1);
  const auto content = link_.read(static_cast<std::size_t>(reader.int32()) - 4);
  if (!content) return Then::end;
  login.password = WireReader(*content).text();
  if (login.password == expected) return Then::go_on;
  return do_fault(ends_with("28P01", "password authentication failed for user \"postgres\""),
                  false);
}

}  // namespace holdfast::support
