#include "postgres/session.hpp"

#include <bit>
#include <utility>

/// Statements of unknown types, and many of them in one round trip. Only the unnamed statement is
/// used: a pooler gives the next transaction another server, which knows no name.
namespace holdfast::postgres {

std::expected<std::vector<std::uint32_t>, SqlError> Session::describe(
    const std::string& sql, std::span<const std::uint32_t> types, SteadyTime deadline) {
  if (PQsendPrepare(connection_.get(), "", sql.c_str(), static_cast<int>(types.size()),
                    types.data()) == 0)
    return std::unexpected(link_error());
  if (const auto prepared = finish(deadline); !prepared) return std::unexpected(prepared.error());
  if (PQsendDescribePrepared(connection_.get(), "") == 0) return std::unexpected(link_error());
  const auto described = finish(deadline);
  if (!described) return std::unexpected(described.error());
  std::vector<std::uint32_t> found;
  for (int n = 0; n < PQnparams(described->raw()); ++n)
    found.push_back(PQparamtype(described->raw(), n));
  return found;
}

std::expected<void, PipelineError> Session::run_pipeline(std::span<const PipelineStep> steps,
                                                         SteadyTime deadline) {
  const auto failed = [](SqlError error, std::size_t step) {
    return std::unexpected(PipelineError{std::move(error), step, false});
  };
  if (PQenterPipelineMode(connection_.get()) == 0) return failed(link_error(), 0);
  // A parse and an execution are answered one by one: whose answer comes is known by its position.
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool parsed = i > 0 && steps[i].sql == steps[i - 1].sql &&
                        steps[i].types.data() == steps[i - 1].types.data();
    if (!send_step(steps[i], parsed)) return failed(link_error(), i);
    owners.insert(owners.end(), parsed ? 1 : 2, i);
    // The server keeps its answers until asked. Asked early it shows that it gets on, and asked at
    // ever longer distances that costs next to nothing.
    if (std::has_single_bit(i + 1) && PQsendFlushRequest(connection_.get()) == 0)
      return failed(link_error(), i);
  }
  if (PQpipelineSync(connection_.get()) == 0) return failed(link_error(), 0);
  if (auto sent = flush(deadline); !sent) return failed(sent.error(), 0);
  if (auto read = read_pipeline(owners, deadline); !read) return std::unexpected(read.error());
  if (PQexitPipelineMode(connection_.get()) == 0) return failed(link_error(), 0);
  return {};
}

std::expected<Rows, PipelineError> Session::run_behind(std::span<const std::string> before,
                                                       const std::string& sql,
                                                       std::span<const Parameter> parameters,
                                                       SteadyTime deadline,
                                                       const std::function<void()>& meanwhile) {
  std::vector<std::size_t> owners;
  const auto failed = [&](SqlError error) {
    const std::size_t step = owners.empty() ? 0 : owners.back();
    return std::unexpected(PipelineError{std::move(error), step, false});
  };
  // Before anything is on its way: the session stays usable.
  if (auto fits = check_sizes(parameters); !fits)
    return std::unexpected(PipelineError{fits.error(), before.size(), false});
  if (PQenterPipelineMode(connection_.get()) == 0) return failed(link_error());
  for (const auto& statement : before) {
    owners.push_back(owners.size());
    if (!send(statement, {}, true)) return failed(link_error());
  }
  owners.push_back(owners.size());
  if (!send(sql, parameters, true)) return failed(link_error());
  if (PQpipelineSync(connection_.get()) == 0) return failed(link_error());
  if (auto sent = flush(deadline); !sent) return failed(sent.error());
  if (meanwhile) meanwhile();
  auto rows = read_pipeline(owners, deadline);
  if (rows && PQexitPipelineMode(connection_.get()) == 0) return failed(link_error());
  return rows;
}

bool Session::send_step(const PipelineStep& step, bool parsed) {
  if (!parsed && PQsendPrepare(connection_.get(), "", step.sql->c_str(),
                               static_cast<int>(step.types.size()), step.types.data()) == 0)
    return false;
  std::vector<const char*> values;
  for (const auto& value : step.values) values.push_back(value ? value->c_str() : nullptr);
  return PQsendQueryPrepared(connection_.get(), "", static_cast<int>(values.size()), values.data(),
                             nullptr, nullptr, 0) != 0;
}

/// Reads to the end of the pipeline, also behind an error, so that the session stays usable.
std::expected<Rows, PipelineError> Session::read_pipeline(std::span<const std::size_t> owners,
                                                          SteadyTime deadline) {
  std::optional<PipelineError> first_error;
  Rows last(nullptr);
  std::size_t answered = 0;
  for (bool synced = false; !synced;) {
    const std::size_t step = answered < owners.size() ? owners[answered] : owners.back();
    if (auto waited = wait_for_answer(deadline); !waited) {
      const bool too_slow = answered > 0 && clock_->steady_now() >= deadline;
      if (!first_error) first_error = {waited.error(), step, too_slow};
      first_error->error.session_dead = true;
      return std::unexpected(*first_error);
    }
    Rows rows(PQgetResult(connection_.get()));
    if (rows.raw() == nullptr) {
      ++answered;
    } else {
      const auto status = PQresultStatus(rows.raw());
      synced = status == PGRES_PIPELINE_SYNC;
      if (status == PGRES_FATAL_ERROR && !first_error)
        first_error = {result_error(rows.raw()), step, false};
      if (status == PGRES_TUPLES_OK) last = std::move(rows);
    }
    const bool lost = PQstatus(connection_.get()) == CONNECTION_BAD;
    if (lost && !first_error) first_error = {link_error(), step, false};
    if (lost) first_error->error.session_dead = true;
    if (lost || (first_error && first_error->error.session_dead))
      return std::unexpected(*first_error);
  }
  if (!first_error) return last;
  if (PQexitPipelineMode(connection_.get()) == 0) first_error->error.session_dead = true;
  return std::unexpected(*first_error);
}

}  // namespace holdfast::postgres
