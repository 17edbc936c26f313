#include "lathe/engine/train.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "lathe/base/check.h"
#include "lathe/base/profile.h"
#include "lathe/base/random.h"
#include "lathe/engine/batch_loader.h"
#include "lathe/engine/batch_plan.h"

namespace lathe::engine {
namespace {

using Clock = std::chrono::steady_clock;

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Says when to look at the clock: the number of steps between two looks follows the speed of the steps, so that looks
// are about ten milliseconds apart and cost nothing where a step takes a microsecond.
class Pacer {
 public:
  bool due() { return --left_ == 0; }

  void restart() {
    const Clock::time_point now = Clock::now();
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    if (elapsed < 0.005)
      interval_ = std::min<std::int64_t>(interval_ * 2, 1 << 16);
    else if (elapsed > 0.02)
      interval_ = std::max<std::int64_t>(interval_ / 2, 1);
    last_ = now;
    left_ = interval_;
  }

 private:
  Clock::time_point last_ = Clock::now();
  std::int64_t interval_ = 1;
  std::int64_t left_ = 1;
};

// Mixes the run's dropout word with the number of the mini-batch (the finaliser of splitmix64, Steele et al. 2014).
std::uint64_t mix(std::uint64_t word, std::uint64_t number) {
  std::uint64_t mixed = word + 0x9E3779B97F4A7C15u * (number + 1);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}

class Run {
 public:
  Run(Session& session, const data::Dataset& dataset, const TrainSettings& settings, const RunIdentity& identity,
      const StopToken& stop, const TrainHooks& hooks, const BatchPlan& plan)
      : session_(session),
        dataset_(dataset),
        settings_(settings),
        identity_(identity),
        stop_(stop),
        progress_(hooks.progress),
        epoch_end_(hooks.epoch_end),
        interim_(hooks.interim),
        saving_(hooks.saving),
        plan_(plan),
        order_(static_cast<std::size_t>(plan.rows)),
        dropout_word_(RandomStream(identity.seed, {identity.candidate, identity.repeat}, "dropout").next_u64()),
        cpu_start_(thread_cpu_seconds()) {
    std::iota(order_.begin(), order_.end(), 0u);
    if (settings.augmentation.any()) first_rows_ = order_;
    report_.total_steps = plan.total_steps;
  }

  void continue_from(const ResumePoint& point) {
    LATHE_CHECK(point.steps >= 0 && point.steps <= plan_.total_steps, "{} of {}", point.steps, plan_.total_steps);
    report_.steps = point.steps;
    report_.samples = samples_before(point.steps);
    report_.history = point.history;
    report_.best_state = point.best_state;
    report_.best_validation_loss = point.best_validation_loss;
    report_.since_row = point.since_row;
    earlier_wall_ = point.wall_seconds;
    earlier_cpu_ = point.cpu_seconds;
    next_saving_ += earlier_wall_;
  }

  TrainReport finish() && {
    reserve_history();
    start_loader();
    plan_interim();
    while (running() && report_.steps < plan_.total_steps) run_epoch();
    if (running()) tell_progress(nullptr);
    take_times();
    return std::move(report_);
  }

 private:
  // While it lives the clocks of the run stand still.
  class Pause {
   public:
    explicit Pause(Run& run) : run_(run) {}
    ~Pause() {
      run_.paused_wall_ += seconds_since(began_);
      run_.paused_cpu_ += thread_cpu_seconds() - cpu_began_;
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Run& run_;
    Clock::time_point began_ = Clock::now();
    double cpu_began_ = thread_cpu_seconds();
  };

  bool running() const { return report_.outcome == TrainOutcome::kCompleted; }

  void reserve_history() {
    const std::int64_t left = plan_.total_steps - report_.steps;
    const std::int64_t rows = settings_.log_every_n_steps > 0 ? left / settings_.log_every_n_steps : 0;
    const std::int64_t epochs = left / plan_.steps_per_epoch + 1;
    report_.history.reserve(report_.history.size() +
                            static_cast<std::size_t>(std::min<std::int64_t>(rows + epochs, 1 << 20)));
  }

  std::int64_t samples_before(std::int64_t step) const {
    const std::int64_t epochs = step / plan_.steps_per_epoch;
    const std::int64_t batches = std::min(step % plan_.steps_per_epoch * plan_.accumulate, plan_.batches);
    return epochs * plan_.rows + (batches == 0 ? 0 : plan_.end(batches - 1));
  }

  void run_epoch() {
    const std::int64_t epoch = report_.steps / plan_.steps_per_epoch;
    const std::int64_t first = epoch * plan_.steps_per_epoch;
    const std::int64_t end = std::min(first + plan_.steps_per_epoch, plan_.total_steps);
    const std::int64_t epoch_batches = plan_.batches_in(epoch);
    order_epoch(settings_, identity_, plan_.batch_size, epoch, order_);
    while (report_.steps < end) {
      const std::int64_t batch = (report_.steps - first) * plan_.accumulate;
      if (!run_step(epoch, batch, std::min(batch + plan_.accumulate, epoch_batches))) return;
      if (report_.steps == end) break;
      if (log_due()) add_row(false);
      if (report_.samples >= interim_samples_ && !take_interim(report_.samples)) [[unlikely]]
        return;
      if (!look_around()) return;
    }
    end_epoch(epoch, end == first + plan_.steps_per_epoch);
    if (running()) look_around();
  }

  // Images that are changed come from a thread of their own; a run without such has none.
  void start_loader() {
    if (!settings_.augmentation.any() || report_.steps >= plan_.total_steps) return;
    const std::int64_t epoch = report_.steps / plan_.steps_per_epoch;
    const std::int64_t batch = report_.steps % plan_.steps_per_epoch * plan_.accumulate;
    loader_.emplace(dataset_.train, settings_, identity_, plan_, epoch, batch);
  }

  // Runs a mini-batch, the rows at [begin, begin + count) of the order.
  BatchResult accumulate(std::int64_t epoch, std::int64_t batch, double loss_scale) {
    const auto begin = static_cast<std::size_t>(plan_.begin(batch));
    const auto count = static_cast<std::size_t>(plan_.end(batch)) - begin;
    const std::uint64_t dropout = mix(dropout_word_, static_cast<std::uint64_t>(epoch * plan_.batches + batch));
    if (loader_) {
      const LoadedBatch& loaded = loader_->next();
      LATHE_CHECK(loaded.epoch == epoch && loaded.batch == batch, "{} {}", loaded.epoch, loaded.batch);
      return session_.accumulate(loaded.samples, std::span(first_rows_).first(count), loss_scale, dropout);
    }
    const std::span<const std::uint32_t> epoch_rows(order_);
    session_.expect(dataset_.train, epoch_rows.subspan(begin + count));
    return session_.accumulate(dataset_.train, epoch_rows.subspan(begin, count), loss_scale, dropout);
  }

  // Takes one optimiser step over the mini-batches [batch, end) of the epoch; false when the loss is not finite.
  bool run_step(std::int64_t epoch, std::int64_t batch, std::int64_t end) {
    const std::int64_t rows = plan_.end(end - 1) - plan_.begin(batch);
    const std::int64_t labels = rows * dataset_.train.positions;
    const double weight = step_weight(plan_.begin(batch), rows);
    const double loss_scale = weight > 0 ? 1.0 / weight : 0;
    double loss = 0;
    for (; batch < end; ++batch) {
      const BatchResult result = accumulate(epoch, batch, loss_scale);
      loss += result.loss_sum;
      report_.since_row.correct += result.correct;
    }
    if (!std::isfinite(loss)) [[unlikely]]
      return diverged(fmt::format("loss is not finite at step {}", report_.steps + 1));
    session_.update(learning_rate_at(settings_, report_.steps, plan_.total_steps));
    report_.since_row.loss_sum += weighted_ ? loss * loss_scale * static_cast<double>(labels) : loss;
    report_.since_row.rows += labels;
    report_.samples += rows;
    ++report_.steps;
    return true;
  }

  // Returns what the losses of the rows at [begin, begin + rows) of the order are divided by.
  double step_weight(std::int64_t begin, std::int64_t rows) const {
    if (!weighted_) [[likely]]
      return static_cast<double>(rows * dataset_.train.positions);
    const auto step = std::span(order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(rows));
    return loss_weight(settings_.loss, dataset_.train, step);
  }

  bool diverged(std::string reason) {
    report_.outcome = TrainOutcome::kDiverged;
    report_.reason = std::move(reason);
    return false;
  }

  bool log_due() const { return settings_.log_every_n_steps > 0 && report_.steps % settings_.log_every_n_steps == 0; }

  // Looks at the stop token after every step, at the clock when the pacer says so; false ends the run.
  bool look_around() {
    if (stop_.requested()) [[unlikely]]
      return end_early(TrainOutcome::kStopped, fmt::format("stopped after step {}", report_.steps));
    if (!pacer_.due()) [[likely]]
      return true;
    pacer_.restart();
    if (stop_.timed_out())
      return end_early(TrainOutcome::kTimedOut, fmt::format("time limit reached after step {}", report_.steps));
    if (progress_ && Clock::now() - last_progress_ >= std::chrono::milliseconds(100)) tell_progress(nullptr);
    if (saving_.call && training_seconds() >= next_saving_) [[unlikely]]
      save();
    return training_seconds() < interim_seconds_ || take_interim(static_cast<std::int64_t>(training_seconds()));
  }

  double training_seconds() const { return earlier_wall_ + seconds_since(start_) - paused_wall_; }

  // Hands the state of the run out while its clocks stand still.
  void save() {
    take_times();
    const Pause pause(*this);
    saving_.call(report_);
    next_saving_ = report_.wall_seconds + saving_.interval_seconds;
  }

  // Sets where the next intermediate result is due; nowhere without a call.
  void plan_interim() {
    if (!interim_.call) return;
    if (interim_.resource == Resource::kSamples)
      interim_samples_ = (report_.samples / interim_.interval + 1) * interim_.interval;
    else if (interim_.resource == Resource::kSeconds)
      interim_seconds_ = (std::floor(training_seconds() / static_cast<double>(interim_.interval)) + 1) *
                         static_cast<double>(interim_.interval);
  }

  bool interim_due(std::int64_t epochs, bool whole) const {
    if (!interim_.call) return false;
    if (interim_.resource == Resource::kEpochs) return whole && epochs % interim_.interval == 0;
    return report_.samples >= interim_samples_;
  }

  // Hands out an intermediate result while the clocks stand still; false ends the run.
  bool take_interim(std::int64_t step) {
    take_times();
    const bool goes_on = [&] {
      const Pause pause(*this);
      return interim_.call(step, report_);
    }();
    plan_interim();
    return goes_on || end_early(TrainOutcome::kStopped, fmt::format("stopped after step {}", report_.steps));
  }

  // A run whose last step was taken is complete, whatever is asked at that moment.
  bool end_early(TrainOutcome outcome, std::string reason) {
    if (report_.steps >= plan_.total_steps) return true;
    report_.outcome = outcome;
    report_.reason = std::move(reason);
    return false;
  }

  void end_epoch(std::int64_t epoch, bool whole) {
    const bool validated = settings_.validate_each_epoch && dataset_.validation.rows() > 0;
    if (!add_row(validated)) return;
    if (interim_due(epoch + 1, whole)) {
      const std::int64_t step = interim_.resource == Resource::kEpochs ? epoch + 1 : report_.samples;
      if (!take_interim(step)) return;
    }
    if (!whole || !epoch_end_) return;
    take_times();
    if (!epoch_end_(epoch + 1, report_))
      end_early(TrainOutcome::kStopped, fmt::format("stopped after epoch {}", epoch + 1));
  }

  // Adds a row of the history; false when the validation loss is not finite.
  bool add_row(bool validate) {
    HistoryRow row;
    row.step = report_.steps;
    row.epoch = static_cast<double>(report_.steps) / static_cast<double>(plan_.steps_per_epoch);
    row.learning_rate = learning_rate_at(settings_, report_.steps - 1, plan_.total_steps);
    const RunningSums& sums = report_.since_row;
    if (sums.rows > 0) {
      row.train_loss = sums.loss_sum / static_cast<double>(sums.rows);
      if (dataset_.train.outputs == 0)
        row.train_accuracy = static_cast<double>(sums.correct) / static_cast<double>(sums.rows);
    }
    report_.since_row = {};
    const bool finite = !validate || take_validation(row);
    report_.history.push_back(row);
    tell_progress(&report_.history.back());
    return finite;
  }

  bool take_validation(HistoryRow& row) {
    const PhaseScope phase(Phase::kEvaluate);
    const EvaluationResult result = session_.evaluate(dataset_.validation, 0, dataset_.validation.rows());
    row.validation_loss = result.loss();
    if (!result.regression()) row.validation_accuracy = result.accuracy();
    if (!std::isfinite(result.loss()))
      return diverged(fmt::format("validation loss is not finite after step {}", report_.steps));
    if (!report_.best_validation_loss || result.loss() < *report_.best_validation_loss) {
      report_.best_validation_loss = result.loss();
      report_.best_state = session_.state();
    }
    return true;
  }

  void tell_progress(const HistoryRow* row) {
    if (!progress_) return;
    progress_(report_.steps, plan_.total_steps, row);
    last_progress_ = Clock::now();
  }

  void take_times() {
    report_.wall_seconds = training_seconds();
    report_.cpu_seconds = earlier_cpu_ + thread_cpu_seconds() - cpu_start_ - paused_cpu_;
    if (loader_) report_.cpu_seconds += loader_->cpu_seconds();
  }

  Session& session_;
  const data::Dataset& dataset_;
  const TrainSettings& settings_;
  const RunIdentity& identity_;
  const StopToken& stop_;
  const TrainProgress& progress_;
  const EpochEnd& epoch_end_;
  const Interim& interim_;
  const Saving& saving_;
  const BatchPlan& plan_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> first_rows_;  // 0, 1, ...: the rows of a loaded mini-batch
  std::uint64_t dropout_word_;
  bool weighted_ = !settings_.loss.class_weights.empty();
  Clock::time_point start_ = Clock::now();
  double cpu_start_;
  double paused_wall_ = 0, paused_cpu_ = 0;
  double earlier_wall_ = 0, earlier_cpu_ = 0;  // of the parts before this one
  std::int64_t interim_samples_ = std::numeric_limits<std::int64_t>::max();
  double interim_seconds_ = std::numeric_limits<double>::infinity();
  double next_saving_ = saving_.interval_seconds;  // seconds of training
  Clock::time_point last_progress_ = Clock::now();
  Pacer pacer_;
  TrainReport report_;
  std::optional<BatchLoader> loader_;
};

}  // namespace

TrainReport train(Session& session, const ir::Graph& graph, const data::Dataset& dataset, const TrainSettings& settings,
                  const RunIdentity& identity, const StopToken& stop, const TrainHooks& hooks) {
  const BatchPlan plan = plan_batches(settings, graph, dataset.train.rows());
  data::check_augmentation(settings.augmentation, dataset.train.row_shape());
  Run run(session, dataset, settings, identity, stop, hooks, plan);
  if (hooks.resume != nullptr)
    run.continue_from(*hooks.resume);
  else
    session.set_optimizer(settings.optimizer);
  return std::move(run).finish();
}

}  // namespace lathe::engine
