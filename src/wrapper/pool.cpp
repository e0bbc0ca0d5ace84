#include "holdfast/pool.hpp"

#include <format>

#include "holdfast/failure.hpp"
#include "wrapper/pool_impl.hpp"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t size_max = 1'000;

[[noreturn]] void refuse_pool(std::string_view cause_and_cure) {
  throw Error({FailureKind::invalid, std::format("making a Pool: {}", cause_and_cure)});
}

void check_options(const PoolOptions& options) {
  if (options.size == 0 || options.size > size_max)
    refuse_pool(std::format("size is {}; give 1 to {} connections", options.size, size_max));
  if (options.place_wait_max < milliseconds(0))
    refuse_pool(
        std::format("place_wait_max is {}; give 0 (never wait) or more", options.place_wait_max));
  if (options.connect_timeout < milliseconds(1))
    refuse_pool(std::format("connect_timeout is {}; give 1 ms or more", options.connect_timeout));
  if (options.idle_close < milliseconds(1))
    refuse_pool(std::format("idle_close is {}; give 1 ms or more", options.idle_close));
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
