#include "holdfast/pool.hpp"

#include <algorithm>
#include <format>

#include "holdfast/failure.hpp"
#include "wrapper/limits.hpp"
#include "wrapper/pool_impl.hpp"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t size_max = 1'000;

[[noreturn]] void refuse_pool(std::string_view cause_and_cure) {
  throw Error({FailureKind::invalid, std::format("making a Pool: {}", cause_and_cure)});
}

void check_time(std::string_view name, milliseconds time, milliseconds least) {
  if (time < least || time > wrapper::wait_max)
    refuse_pool(
        std::format("{} is {}; give {} to {} (a day)", name, time, least, wrapper::wait_max));
}

void check_options(const PoolOptions& options) {
  if (options.size == 0 || options.size > size_max)
    refuse_pool(std::format("size is {}; give 1 to {} connections", options.size, size_max));
  check_time("place_wait_max", options.place_wait_max, milliseconds(0));
  check_time("connect_timeout", options.connect_timeout, milliseconds(1));
  check_time("idle_close", options.idle_close, milliseconds(1));
  if (options.url.empty())
    refuse_pool("the URL is empty; give one as postgresql://USER:PASSWORD@HOST/DATABASE");
}

postgres::Conninfo read_url(const PoolOptions& options) {
  DestinationConfig config;
  config.url = options.url;
  config.connect_timeout = options.connect_timeout;
  auto conninfo = postgres::parse_conninfo(config);
  // Without a word of it: it holds the password.
  if (!conninfo)
    refuse_pool(
        "the URL is neither a libpq URL nor a key=value string; write it as "
        "postgresql://USER:PASSWORD@HOST/DATABASE, with special characters as %XX");
  conninfo->connect_timeout = std::min(conninfo->connect_timeout, wrapper::wait_max);
  return std::move(*conninfo);
}

}  // namespace

Pool::Pool(PoolOptions options) {
  check_options(options);
  auto conninfo = read_url(options);
  impl_ = std::make_shared<wrapper::PoolImpl>(std::move(options), std::move(conninfo));
}

Pool::~Pool() {
  shutdown();
}

void Pool::shutdown() {
  impl_->shutdown();
}

std::size_t Pool::close_idle() {
  return impl_->close_idle();
}

PoolStats Pool::stats() const {
  return impl_->stats();
}

}  // namespace holdfast
