#include "holdfast/outbox.hpp"

#include <memory>
#include <utility>

#include "outbox/outbox_impl.hpp"

namespace holdfast {
namespace {

/// SQLite takes values below 2^30 bytes; far below that a row is no webhook any more.
constexpr std::size_t body_bytes_max = 512 * mib;

}  // namespace

Outbox::Outbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Outbox::~Outbox() = default;

std::expected<std::unique_ptr<Outbox>, Failure> Outbox::open(const OutboxConfig& config,
                                                             Dependencies dependencies) {
  try {
    if (!dependencies.log) dependencies.log = [](const LogEvent&) {};
    return std::unique_ptr<Outbox>(
        new Outbox(std::make_unique<Impl>(config, std::move(dependencies))));
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  } catch (const SQLite::Exception& error) {
    return std::unexpected(outbox::open_failure(config.path, error));
  }
}

AppendTicket Outbox::submit(NewEntry entry) {
  const bool too_large = entry.body.size() > body_bytes_max;
  if (too_large) entry.body.clear();
  auto shared = std::make_shared<AppendTicket::Shared>(std::move(entry));
  if (too_large) {
    shared->answer.set(std::unexpected(Failure{
        FailureKind::invalid, "storing the entry: its body is over 512 MiB; send a smaller one"}));
  } else {
    impl_->queue.push(shared);
  }
  return AppendTicket(std::move(shared));
}

std::expected<Appended, Failure> Outbox::append(NewEntry entry, std::chrono::milliseconds timeout) {
  auto ticket = submit(std::move(entry));
  impl_->commit_if_alone(ticket.shared_->answer);
  return ticket.wait(timeout);
}

std::expected<std::vector<Entry>, Failure> Outbox::claim(const ClaimRequest& request) {
  auto claimed = outbox::reading("claiming entries", [&] {
    return impl_->with_reader([&](outbox::Reader& reader) { return reader.claim(request); });
  });
  if (!claimed) return std::unexpected(std::move(claimed.error()));
  impl_->set_damaged_aside(claimed->damaged);
  return std::move(claimed->entries);
}

std::expected<void, Failure> Outbox::settle(std::vector<Settlement> settlements,
                                            std::vector<AttemptRecord> attempts) {
  if (settlements.empty() && attempts.empty()) return {};
  auto work = std::make_shared<outbox::SettleWork>();
  work->settlements = std::move(settlements);
  work->attempts = std::move(attempts);
  impl_->queue.push(work);
  impl_->commit_if_alone(work->answer);
  return work->answer.wait();
}

std::expected<std::optional<Entry>, Failure> Outbox::find(const Uuid& id) {
  return outbox::reading("reading an entry", [&] {
    return impl_->with_reader([&](outbox::Reader& reader) { return reader.find(id); });
  });
}

std::expected<std::vector<EntrySummary>, Failure> Outbox::list(const ListRequest& request) {
  return outbox::reading("listing entries", [&] {
    return outbox::list_page(request, [&](auto&& use) {
      impl_->make_way();
      return impl_->with_reader(use);
    });
  });
}

OutboxStats Outbox::stats() const {
  return impl_->stats();
}
std::uint64_t Outbox::reopened() const {
  return impl_->reopened;
}
const Uuid& Outbox::node() const {
  return impl_->node;
}
void Outbox::on_appended(std::function<void()> callback) {
  impl_->writer->on_appended(std::move(callback));
}
bool Outbox::await_drained(std::chrono::milliseconds limit) {
  return impl_->writer->await_drained(limit);
}
bool Outbox::run_once() {
  return impl_->writer->run_once();
}
void Outbox::run_writer(std::stop_token stop) {
  impl_->writer->run(stop);
}
void Outbox::close() {
  impl_->close();
}

}  // namespace holdfast
