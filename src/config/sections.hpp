#pragma once

#include <toml++/toml.hpp>

#include "config/reader.hpp"
#include "holdfast/config.hpp"

/// One function a table of the file; each notes every fault and keeps the default of a faulty key.
namespace holdfast::config {

void read_ingress(const toml::table& table, IngressConfig& ingress, Loading& loading);
void read_outbox(const toml::table& table, OutboxConfig& outbox, Loading& loading);
void read_destination(const toml::table& table, DestinationConfig& destination, Loading& loading);
void read_admin(const toml::table& table, AdminConfig& admin, Loading& loading);
void read_log(const toml::table& table, LogConfig& log, Loading& loading);

/// All `[[source]]` tables, and what must hold between them and the ingress.
void read_sources(const toml::array& tables, Config& config, Loading& loading);

}  // namespace holdfast::config
