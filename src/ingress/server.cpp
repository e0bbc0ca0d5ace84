#include "ingress/server.hpp"

#include <utility>

#include "ingress/engine.hpp"

namespace holdfast::ingress {

std::expected<std::unique_ptr<IngressServer>, Failure> IngressServer::start(
    const IngressConfig& config, std::vector<SourceConfig> sources, Dependencies dependencies) {
  auto table = SourceTable::make(config, std::move(sources));
  if (!table) return std::unexpected(table.error());
  auto proxies = TrustedProxies::parse(config.trusted_proxies);
  if (!proxies) return std::unexpected(proxies.error());
  auto engine = std::make_unique<Engine>(config, std::move(*table), std::move(*proxies),
                                         std::move(dependencies));
  if (auto listening = engine->listen_and_serve(); !listening)
    return std::unexpected(listening.error());
  return std::unique_ptr<IngressServer>(new IngressServer(std::move(engine)));
}

IngressServer::IngressServer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
IngressServer::~IngressServer() = default;

ListenAddress IngressServer::address() const {
  return engine_->address();
}
IngressStats IngressServer::stats() const {
  return engine_->stats();
}
void IngressServer::reload(SourceTable sources) {
  engine_->reload(std::move(sources));
}
bool IngressServer::await_answers(std::chrono::milliseconds limit) {
  return engine_->await_answers(limit);
}
void IngressServer::stop(std::chrono::milliseconds grace) {
  engine_->stop(grace);
}

}  // namespace holdfast::ingress
