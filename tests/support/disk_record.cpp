#include "support/disk_record.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace holdfast::support {

/// Decides what of the unsynced is on disk: 0 nothing, 1 all, else at random. Of the random ones
/// some keep nearly everything and some nearly nothing, because the holes that hurt are rare.
class DiskRecord::Coin {
 public:
  explicit Coin(std::uint64_t seed) : seed_(seed), state_(seed * 0x9E3779B97F4A7C15ULL) {
    static constexpr std::uint64_t odds[] = {128, 32, 224, 8, 248};
    if (seed > 1) odds_ = odds[seed % std::size(odds)];
  }
  bool toss() {
    if (seed_ <= 1) return seed_ == 1;
    // splitmix64
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return ((z ^ (z >> 31U)) & 0xFFU) < odds_;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_;
  std::uint64_t odds_ = 0;
};

namespace {

void put(std::string& content, std::uint64_t at, std::string_view bytes) {
  if (content.size() < at + bytes.size()) content.resize(at + bytes.size(), '\0');
  content.replace(at, bytes.size(), bytes);
}

}  // namespace

DiskRecord::FileId DiskRecord::import(const std::string& name, std::string content) {
  const auto file = ++last_file_;
  names_now_[name] = file;
  sizes_[file] = content.size();
  add({Kind::import, file, 0, std::move(content), name});
  return file;
}

void DiskRecord::lose(const std::string& name) {
  names_now_.erase(name);
  add({Kind::lose, 0, 0, {}, name});
}

DiskRecord::FileId DiskRecord::create(const std::string& name) {
  const auto file = ++last_file_;
  names_now_[name] = file;
  sizes_[file] = 0;
  add({Kind::create, file, 0, {}, name});
  return file;
}

void DiskRecord::write(FileId file, std::uint64_t at, std::string_view bytes) {
  auto& size = sizes_[file];
  size = std::max(size, at + bytes.size());
  add({Kind::write, file, at, std::string(bytes), {}});
}

void DiskRecord::truncate(FileId file, std::uint64_t size) {
  sizes_[file] = size;
  add({Kind::truncate, file, size, {}, {}});
}

void DiskRecord::remove(const std::string& name) {
  if (const auto file = find(name)) sizes_.erase(*file);
  names_now_.erase(name);
  add({Kind::remove, 0, 0, {}, name});
}

void DiskRecord::sync(FileId file) {
  add({Kind::sync, file, 0, {}, {}});
  sync_positions_.push_back(position());
}

void DiskRecord::sync_folder() {
  add({Kind::sync_folder, 0, 0, {}, {}});
  sync_positions_.push_back(position());
}

std::optional<DiskRecord::FileId> DiskRecord::find(const std::string& name) const {
  const auto found = names_now_.find(name);
  if (found == names_now_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> DiskRecord::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : names_now_) names.push_back(name);
  return names;
}

std::uint64_t DiskRecord::size(FileId file) const {
  const auto found = sizes_.find(file);
  return found == sizes_.end() ? 0 : found->second;
}

std::uint64_t DiskRecord::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, file] : names_now_) sum += size(file);
  return sum;
}

std::vector<std::uint64_t> DiskRecord::sync_positions() const {
  const auto first = std::ranges::lower_bound(sync_positions_, merged_);
  return {first, sync_positions_.end()};
}

void DiskRecord::add(Operation operation) {
  operation_bytes_ += operation.bytes.size() + sizeof(Operation);
  operations_.push_back(std::make_shared<const Operation>(std::move(operation)));
  if (operation_bytes_ > bytes_max_) merge();
}

/// Half of it at once, so that a long run does not merge at every write.
void DiskRecord::merge() {
  while (operation_bytes_ > bytes_max_ / 2) {
    operation_bytes_ -= operations_.front()->bytes.size() + sizeof(Operation);
    base_.apply(operations_.front());
    operations_.pop_front();
    ++merged_;
  }
  const auto first = std::ranges::lower_bound(sync_positions_, merged_);
  sync_positions_.erase(sync_positions_.begin(), first);
  if (cursor_position_ < merged_) cursor_ = {};
}

DiskRecord::Image DiskRecord::image(std::uint64_t position, std::uint64_t seed) const {
  if (position < merged_ || position > this->position())
    throw std::out_of_range("image: the record does not hold that position");
  if (position < cursor_position_ || cursor_position_ <= merged_) {
    cursor_ = base_;
    cursor_position_ = merged_;
  }
  for (; cursor_position_ < position; ++cursor_position_)
    cursor_.apply(operations_[cursor_position_ - merged_]);
  return cursor_.image(seed);
}

void DiskRecord::restart(const Image& image) {
  merged_ = position();
  operations_.clear();
  operation_bytes_ = 0;
  sync_positions_.clear();
  base_ = {};
  cursor_ = {};
  cursor_position_ = 0;
  names_now_.clear();
  sizes_.clear();
  for (const auto& [name, content] : image) {
    const auto file = ++last_file_;
    base_.files[file].synced = content;
    base_.names[name] = file;
    names_now_[name] = file;
    sizes_[file] = content.size();
  }
}

void DiskRecord::State::apply(const Shared& operation) {
  const auto& done = *operation;
  switch (done.kind) {
    case Kind::import:
      settle_name(done.name);
      files[done.file].synced = done.bytes;
      names[done.name] = done.file;
      break;
    case Kind::lose:
      settle_name(done.name);
      names.erase(done.name);
      break;
    case Kind::create:
      files[done.file] = {};
      unsynced_names.push_back(operation);
      break;
    case Kind::remove: unsynced_names.push_back(operation); break;
    case Kind::write:
    case Kind::truncate: files[done.file].unsynced.push_back(operation); break;
    case Kind::sync: {
      auto& file = files[done.file];
      for (const auto& change : file.unsynced) {
        if (change->kind == Kind::write) {
          put(file.synced, change->at, change->bytes);
        } else {
          file.synced.resize(change->at, '\0');
        }
      }
      file.unsynced.clear();
      break;
    }
    case Kind::sync_folder:
      names = names_after(1);
      unsynced_names.clear();
      // A file without a name may still be open, but no power cut brings it back.
      std::erase_if(files, [&](const auto& file) {
        return std::ranges::none_of(names,
                                    [&](const auto& name) { return name.second == file.first; });
      });
      break;
  }
}

void DiskRecord::State::settle_name(const std::string& name) {
  std::erase_if(unsynced_names, [&](const Shared& change) { return change->name == name; });
}

std::map<std::string, DiskRecord::FileId> DiskRecord::State::names_after(std::uint64_t seed) const {
  auto after = names;
  Coin coin(seed);
  for (const auto& change : unsynced_names) {
    if (!coin.toss()) continue;
    if (change->kind == Kind::create) {
      after[change->name] = change->file;
    } else {
      after.erase(change->name);
    }
  }
  return after;
}

DiskRecord::Image DiskRecord::State::image(std::uint64_t seed) const {
  Image image;
  Coin coin(seed);
  for (const auto& [name, id] : names_after(seed)) {
    const auto found = files.find(id);
    if (found == files.end()) continue;
    std::string content = found->second.synced;
    for (const auto& change : found->second.unsynced) {
      if (change->kind == Kind::truncate) {
        if (coin.toss()) content.resize(change->at, '\0');
        continue;
      }
      const auto end = change->at + change->bytes.size();
      // The size may reach the disk without the data.
      if (coin.toss() && content.size() < end) content.resize(end, '\0');
      for (auto at = change->at; at < end;) {
        const auto sector_end = std::min(end, (at / sector_bytes + 1) * sector_bytes);
        const std::string_view sector(change->bytes.data() + (at - change->at), sector_end - at);
        if (coin.toss()) put(content, at, sector);
        at = sector_end;
      }
    }
    image[name] = std::move(content);
  }
  return image;
}

}  // namespace holdfast::support
