#pragma once

#include <httplib.h>

#include <deque>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.hpp"

namespace holdfast::cli::test {

/// An admin listener that answers what the test has laid down, and keeps what it was asked.
class FakeDaemon {
 public:
  struct Request {
    std::string line;  ///< "POST /api/v1/entries/retry?state=dead"
    std::string body;
    std::string content_type;
    std::string authorization;
    std::multimap<std::string, std::string> parameters;  ///< Of the query, decoded.
  };
  struct Answer {
    int status = 200;
    std::string body = "{}";
    std::string content_type = "application/json";
  };

  FakeDaemon() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      state_.with([&](State& state) {
        state.requests.push_back({request.method + ' ' + request.target, request.body,
                                  request.get_header_value("Content-Type"),
                                  request.get_header_value("Authorization"), request.params});
        Answer answer;
        if (!state.answers.empty()) {
          answer = state.answers.front();
          state.answers.pop_front();
        }
        response.status = answer.status;
        response.set_content(answer.body, answer.content_type);
      });
    };
    server_.Get(".*", handle);
    server_.Post(".*", handle);
    server_.set_payload_max_length(64U * 1024 * 1024);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
  }
  ~FakeDaemon() {
    server_.stop();
    thread_.join();
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  /// Used once each, in this order; after the last one the answer is {}.
  void answer(Answer answer) {
    state_.with([&](State& state) { state.answers.push_back(std::move(answer)); });
  }
  /// As the daemon writes its refusals.
  void refuse(int status, const std::string& detail) {
    answer({status,
            R"({"type":"about:blank","title":"Refused","status":)" + std::to_string(status) +
                R"(,"detail":")" + detail + "\"}",
            "application/problem+json"});
  }
  [[nodiscard]] std::vector<Request> requests() {
    return state_.with([](State& state) { return state.requests; });
  }
  /// The line of the configuration that leads to it.
  [[nodiscard]] std::string configuration(const std::string& token = "") const {
    return "[admin]\nlisten = \"127.0.0.1:" + std::to_string(port_) + "\"\n" +
           (token.empty() ? "" : "token = \"" + token + "\"\n");
  }

 private:
  struct State {
    std::deque<Answer> answers;
    std::vector<Request> requests;
  };
  base::Guarded<State> state_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace holdfast::cli::test
