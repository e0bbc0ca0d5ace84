#include "support/fake_postgres_session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>
#include <utility>

namespace holdfast::support {
namespace {

constexpr std::int32_t uuid_type = 2950;
constexpr std::int32_t bool_type = 16;
constexpr std::int32_t text_type = 25;

/// The highest n of $n.
std::size_t parameters_of(const std::string& sql) {
  std::size_t most = 0;
  for (std::size_t at = 0; (at = sql.find('$', at)) != std::string::npos; ++at) {
    std::size_t n = 0;
    std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), n);
    most = std::max(most, n);
  }
  return most;
}

std::int64_t int64_of(std::string_view binary) {
  WireReader reader(binary);
  const auto high = static_cast<std::uint32_t>(reader.int32());
  const auto low = static_cast<std::uint32_t>(reader.int32());
  return static_cast<std::int64_t>(std::uint64_t{high} << 32U | low);
}

/// Name and hash of each migration that the text records.
std::vector<WireRow> recorded(const std::string& sql) {
  static const std::regex values(R"(VALUES \('([^']+)', '([0-9a-f]{64})'\))");
  std::vector<WireRow> rows;
  for (std::sregex_iterator match(sql.begin(), sql.end(), values), end; match != end; ++match)
    rows.push_back({(*match)[1].str(), (*match)[2].str()});
  return rows;
}

}  // namespace

FakeSession::Kind FakeSession::kind_of(const std::string& sql) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 13> marks{{
      {"BEGIN ISOLATION", Kind::begin},
      {"SET LOCAL", Kind::set},
      {"SELECT octet_length(repeat", Kind::plain},
      {"pg_advisory_xact_lock", Kind::lock},
      {"CREATE TABLE", Kind::migrate},
      {".schema_migrations", Kind::migrations},
      {".inbox (id, source", Kind::insert},
      {"AS m(id, source, dedupe_key", Kind::find},
      {"WITH RECURSIVE chain", Kind::types},
      {"pg_partition_tree", Kind::plain},
      {"nspname = $1", Kind::inspect},
      {"ROLLBACK", Kind::rollback},
      {"COMMIT", Kind::commit},
  }};
  const auto found =
      std::ranges::find_if(marks, [&](const auto& mark) { return sql.contains(mark.first); });
  return found == marks.end() ? Kind::own : found->second;
}

std::vector<WireColumn> FakeSession::columns_of(Kind kind) {
  switch (kind) {
    case Kind::inspect: return std::vector<WireColumn>(3);
    case Kind::migrations: return std::vector<WireColumn>(2);
    case Kind::types: return std::vector<WireColumn>(7);
    case Kind::lock:
    case Kind::plain: return std::vector<WireColumn>(1);
    case Kind::insert: return {{uuid_type, true}};
    case Kind::find: return {{bool_type, true}, {uuid_type, true}};
    default: return {};
  }
}

std::optional<Place> FakeSession::place_of(Kind kind) {
  switch (kind) {
    case Kind::inspect: return Place::schema;
    case Kind::begin: return Place::begin;
    case Kind::insert: return Place::inbox;
    case Kind::own: return Place::statement;
    case Kind::commit: return Place::commit;
    default: return std::nullopt;
  }
}

FakeSession::Then FakeSession::on_message(char type, const std::string& content) {
  if (type == 'X') return Then::end;
  if (type == 'S') {
    skipping_ = false;
    return send(ready());
  }
  if (skipping_) return Then::go_on;
  switch (type) {
    case 'Q': return on_query(WireReader(content).text());
    case 'P': return on_parse(WireReader(content));
    case 'B': return on_bind(WireReader(content));
    case 'D': return on_describe(WireReader(content));
    case 'E': return on_execute();
    default: return Then::go_on;
  }
}

FakeSession::Then FakeSession::on_query(const std::string& sql) {
  const Kind kind = kind_of(sql);
  parameters_.clear();
  if (const auto place = place_of(kind))
    if (const auto fault = fault_at(*place))
      return kind == Kind::commit ? commit_fault(*fault, true) : do_fault(*fault, true);
  const Answer done = answer(kind, sql);
  std::string bytes;
  if (!done.columns.empty()) bytes += row_description(done.columns);
  for (const auto& row : done.rows) bytes += data_row(row);
  return send(bytes + wire_message('C', done.tag + '\0') + ready());
}

FakeSession::Then FakeSession::on_parse(WireReader message) {
  (void)message.text();
  sql_ = message.text();
  if (kind_of(sql_) == Kind::own)
    if (const auto fault = fault_at(Place::describe)) return do_fault(*fault, false);
  return send(wire_message('1', ""));
}

FakeSession::Then FakeSession::on_bind(WireReader message) {
  (void)message.text();
  (void)message.text();
  for (int formats = message.int16(); formats > 0; --formats) (void)message.int16();
  parameters_.clear();
  for (int left = message.int16(); left > 0; --left) {
    const std::int32_t length = message.int32();
    parameters_.push_back(length < 0 ? "" : message.bytes(static_cast<std::size_t>(length)));
  }
  return send(wire_message('2', ""));
}

FakeSession::Then FakeSession::on_describe(WireReader message) {
  std::string bytes;
  if (message.bytes(1) == "S") {
    const std::size_t count = parameters_of(sql_);
    std::string types = wire_int16(static_cast<std::int16_t>(count));
    for (std::size_t i = 0; i < count; ++i) types += wire_int32(text_type);
    bytes = wire_message('t', types);
  }
  const auto columns = columns_of(kind_of(sql_));
  return send(bytes + (columns.empty() ? wire_message('n', "") : row_description(columns)));
}

FakeSession::Then FakeSession::on_execute() {
  const Kind kind = kind_of(sql_);
  if (const auto place = place_of(kind))
    if (const auto fault = fault_at(*place)) return do_fault(*fault, false);
  if (kind == Kind::insert && is_refused())
    return do_fault(answers("23514", "new row violates check constraint", "refused"), false);
  const Answer done = answer(kind, sql_);
  std::string bytes;
  for (const auto& row : done.rows) bytes += data_row(row);
  return send(bytes + wire_message('C', done.tag + '\0'));
}

std::optional<Fault> FakeSession::fault_at(Place place) {
  return state_.with([&](FakeState& state) -> std::optional<Fault> {
    ++state.visits[place];
    const auto found = state.faults.find(place);
    if (found == state.faults.end()) return std::nullopt;
    const Fault fault = found->second.fault;
    if (found->second.left > 0 && --found->second.left == 0) state.faults.erase(found);
    return fault;
  });
}

FakeSession::Then FakeSession::commit_fault(const Fault& fault, bool simple) {
  end_transaction(fault.committed);
  return do_fault(fault, simple);
}

FakeSession::Then FakeSession::do_fault(const Fault& fault, bool simple) {
  const std::string message = error_message(fault.error);
  switch (fault.kind) {
    case Fault::Kind::close: return Then::end;
    case Fault::Kind::reset: link_.reset(); return Then::end;
    case Fault::Kind::stall: link_.drain(); return Then::end;
    case Fault::Kind::garbage:
      (void)send(std::string(64, '\x7f'));
      link_.drain();
      return Then::end;
    case Fault::Kind::half_message:
      (void)send(message.substr(0, message.size() / 2));
      return Then::end;
    case Fault::Kind::authentication:
      (void)send(wire_message('R', wire_int32(99)));
      link_.drain();
      return Then::end;
    case Fault::Kind::error_and_close: (void)send(message); return Then::end;
    case Fault::Kind::error: break;
  }
  if (send(message) == Then::end || fault.error.severity != "ERROR") return Then::end;
  // A proxy that says ERROR before the session began has nothing more to say either.
  if (!logged_in_) return Then::end;
  if (status_ == 'T') status_ = 'E';
  skipping_ = !simple;
  return simple ? send(ready()) : Then::go_on;
}

FakeSession::Answer FakeSession::answer(Kind kind, const std::string& sql) {
  Answer done{columns_of(kind), {}, "SELECT 0"};
  switch (kind) {
    case Kind::begin: status_ = 'T'; return {{}, {}, "BEGIN"};
    case Kind::set: return {{}, {}, "SET"};
    case Kind::commit: {
      const bool kept = status_ == 'T';
      end_transaction(kept);
      return {{}, {}, kept ? "COMMIT" : "ROLLBACK"};
    }
    case Kind::rollback: end_transaction(false); return {{}, {}, "ROLLBACK"};
    case Kind::inspect:
      done.rows = {
          {"t", "schema_migrations,inbox,users,messages,message_statuses", "id;dedupe_key,source"}};
      return done;
    case Kind::migrations:
      done.rows = state_.with([](const auto& state) { return state.migrations; });
      return done;
    case Kind::migrate: transaction_.migrations = recorded(sql); return {{}, {}, "INSERT 0 1"};
    case Kind::lock: done.rows = {{""}}; return done;
    case Kind::insert: return insert();
    case Kind::find: return find();
    case Kind::own: ++transaction_.statements; return {{}, {}, "INSERT 0 1"};
    default: return done;
  }
}

bool FakeSession::is_refused() const {
  const auto refused = state_.with([](const auto& state) { return state.options.refused_source; });
  return !refused.empty() && parameters_.size() > 1 &&
         std::ranges::contains(array_elements(parameters_[1]), refused);
}

std::optional<Uuid> FakeSession::holder_of(const std::string& source,
                                           const std::string& key) const {
  if (key.empty()) return std::nullopt;
  for (const auto& entry : transaction_.stored)
    if (entry.source == source && entry.key == key) return entry.id;
  return state_.with([&](const FakeState& state) -> std::optional<Uuid> {
    const auto found = state.keys.find({source, key});
    return found == state.keys.end() ? std::nullopt : std::optional(found->second);
  });
}

FakeSession::Answer FakeSession::insert() {
  Answer done{columns_of(Kind::insert), {}, "INSERT 0 0"};
  parameters_.resize(15);
  const auto ids = array_elements(parameters_[0]);
  const auto sources = array_elements(parameters_[1]);
  const auto keys = array_elements(parameters_[2]);
  const auto seqs = array_elements(parameters_[3]);
  const auto bodies = array_elements(parameters_[10]);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Uuid id = uuid_of_bytes(ids[i]);
    const bool known = state_.with([&](const auto& state) { return state.ids.contains(id); });
    if (known || holder_of(sources.at(i), keys.at(i))) continue;
    transaction_.stored.push_back(
        {id, sources.at(i), int64_of(seqs.at(i)), bodies.at(i), keys.at(i)});
    done.rows.push_back({ids[i]});
  }
  return done;
}

FakeSession::Answer FakeSession::find() {
  Answer done{columns_of(Kind::find), {}, "SELECT 0"};
  parameters_.resize(3);
  const auto ids = array_elements(parameters_[0]);
  const auto sources = array_elements(parameters_[1]);
  const auto keys = array_elements(parameters_[2]);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Uuid id = uuid_of_bytes(ids[i]);
    const bool held = state_.with([&](const auto& state) { return state.ids.contains(id); });
    const auto holder = holder_of(sources.at(i), keys.at(i)).transform([](const Uuid& uuid) {
      return std::string(uuid.bytes.begin(), uuid.bytes.end());
    });
    done.rows.push_back({std::string(1, held ? '\1' : '\0'), holder});
  }
  return done;
}

void FakeSession::end_transaction(bool keep) {
  status_ = 'I';
  const Transaction ended = std::exchange(transaction_, {});
  if (!keep) return;
  state_.with([&](FakeState& state) {
    for (const auto& entry : ended.stored)
      if (state.ids.insert(entry.id).second) {
        state.stored.push_back(entry);
        if (!entry.key.empty()) state.keys.emplace(std::pair(entry.source, entry.key), entry.id);
      }
    std::ranges::copy(ended.migrations, std::back_inserter(state.migrations));
    state.statements += ended.statements;
  });
}

FakeSession::Then FakeSession::send(const std::string& bytes) {
  return link_.write(bytes) ? Then::go_on : Then::end;
}

std::string FakeSession::ready() const {
  return wire_message('Z', std::string(1, status_));
}

}  // namespace holdfast::support
