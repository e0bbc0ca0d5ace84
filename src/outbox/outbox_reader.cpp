#include <memory>
#include <utility>

#include "holdfast/outbox_reader.hpp"
#include "outbox/open.hpp"
#include "outbox/read_access.hpp"

namespace holdfast {

class HOLDFAST_HIDDEN OutboxReader::Impl {
 public:
  explicit Impl(outbox::Reader opened) : reader(std::move(opened)) {}
  outbox::Reader reader;
};

OutboxReader::OutboxReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutboxReader::~OutboxReader() = default;
OutboxReader::OutboxReader(OutboxReader&&) noexcept = default;
OutboxReader& OutboxReader::operator=(OutboxReader&&) noexcept = default;

std::expected<OutboxReader, Failure> OutboxReader::open(const std::string& path) {
  try {
    const auto files = outbox::resolve_files(path);
    return OutboxReader(std::make_unique<Impl>(outbox::open_reader(files.database, {})));
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  } catch (const SQLite::Exception& error) {
    return std::unexpected(outbox::open_failure(path, error));
  }
}

std::expected<std::optional<Entry>, Failure> OutboxReader::find(const Uuid& id) {
  return outbox::reading("reading an entry", [&] { return impl_->reader.find(id); });
}

std::expected<std::vector<EntrySummary>, Failure> OutboxReader::list(const ListRequest& request) {
  return outbox::reading("listing entries", [&] {
    return outbox::list_page(request, [&](auto&& use) { return use(impl_->reader); });
  });
}

}  // namespace holdfast
