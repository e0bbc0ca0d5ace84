#include "holdfast/outbox.hpp"

#include <memory>
#include <utility>

#include "outbox/outbox_impl.hpp"

namespace holdfast {

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
  return AppendTicket(impl_->submit(std::move(entry), nullptr));
}

void Outbox::submit(NewEntry entry, OnAppendAnswered answered) {
  auto shared = impl_->submit(std::move(entry), std::move(answered));
  impl_->commit_while([&] { return shared->on_answered != nullptr; });
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

SettleTicket Outbox::settle_later(std::vector<Settlement> settlements) {
  auto work = std::make_shared<outbox::SettleWork>();
  work->settlements = std::move(settlements);
  impl_->queue.push(work);
  impl_->commit_if_alone(work->answer);
  return SettleTicket(std::move(work));
}

bool SettleTicket::ready() const {
  return work_->answer.wait_for({}).has_value();
}

std::expected<void, Failure> SettleTicket::wait() {
  return work_->answer.wait();
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
