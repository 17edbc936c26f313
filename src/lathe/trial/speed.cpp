#include "lathe/trial/speed.h"

#include <algorithm>
#include <chrono>

#include "lathe/base/profile.h"
#include "lathe/trial/seed_run.h"

namespace lathe::trial {
namespace {

using Clock = std::chrono::steady_clock;

// So many rows tell how fast an evaluation is.
constexpr std::int64_t kMostRows = 16384;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double seconds_per_sample(const Evaluator& evaluator, const Prepared& prepared, engine::Session& session,
                          double seconds) {
  engine::StopToken limit;
  limit.set_deadline(Clock::now() +
                     std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  const PhaseScope phase(Phase::kTrain);
  const engine::TrainReport report = engine::train(
      session, prepared.candidate.graph, *evaluator.runner().training_dataset(),
      evaluator.runner().training(prepared.candidate), identity_of(evaluator.settings(), prepared, 0), limit);
  return report.samples > 0 ? report.wall_seconds / static_cast<double>(report.samples) : 0;
}

double seconds_per_row(const Runner& runner, engine::Session& session) {
  const std::int64_t rows = std::min(runner.evaluated_rows(), kMostRows);
  const PhaseScope phase(Phase::kEvaluate);
  const auto began = Clock::now();
  session.evaluate(runner.evaluated_part(), 0, rows);
  return rows > 0 ? seconds_since(began) / static_cast<double>(rows) : 0;
}

}  // namespace

Speed time_briefly(const Evaluator& evaluator, const Prepared& prepared, double seconds) {
  const space::Candidate& candidate = prepared.candidate;
  const auto began = Clock::now();
  const auto session =
      prepared.backend->compile(candidate.graph, evaluator.runner().session(candidate))->make_session();
  session->load(evaluator.weights().state(candidate.graph, prepared.key, 0));
  Speed speed{.start_seconds = seconds_since(began)};
  if (evaluator.settings().train) speed.seconds_per_sample = seconds_per_sample(evaluator, prepared, *session, seconds);
  speed.seconds_per_row = seconds_per_row(evaluator.runner(), *session);
  return speed;
}

}  // namespace lathe::trial
