#include "lathe/backend/onednn/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "lathe/backend/onednn/optimizer.h"
#include "lathe/backend/onednn/threads.h"
#include "lathe/base/check.h"
#include "lathe/base/threads.h"
#include "lathe/engine/state_layout.h"

namespace lathe::backend::onednn {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

memory::data_type type_of(engine::Precision precision) {
  return precision == engine::Precision::kBFloat16 ? memory::data_type::bf16 : memory::data_type::f32;
}

}  // namespace

PlannedNetwork::PlannedNetwork(std::shared_ptr<const ir::Graph> planned_graph,
                               const engine::SessionSettings& session_settings)
    : graph(std::move(planned_graph)), settings(session_settings), parameters(*graph, settings.training) {
  const ThreadScope threads(settings.threads);
  if (settings.training) plans.emplace(true, plan(true, batch_size()));  // first: it fixes the weights' layouts
  plans.emplace(false, plan(false, batch_size()));
}

Plan PlannedNetwork::plan(bool training, std::size_t rows) {
  const PlanSettings wanted{.rows = rows, .training = training, .type = type_of(settings.precision)};
  return PlanBuilder(*graph, wanted, parameters).build();
}

std::size_t PlannedNetwork::batch_size() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(settings.batch_size, 1));
}

std::size_t PlannedNetwork::arena_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [training, plan] : plans) bytes = std::max(bytes, plan.arena_bytes());
  return bytes;
}

std::int64_t PlannedNetwork::bytes() const {
  return parameters.bytes() + static_cast<std::int64_t>(MemoryBlock::bytes(arena_bytes()));
}

OnednnSession::OnednnSession(PlannedNetwork network)
    : network_(std::move(network)),
      predictions_(*network_.graph, network_.settings.loss),
      loss_(network_.settings.loss),
      stream_(processor()),
      batch_size_(network_.batch_size()),
      width_(static_cast<std::size_t>(element_count(network_.graph->input().output_shape))) {
  if (network_.settings.threads > 1) check_threads(static_cast<std::size_t>(network_.settings.threads - 1));
  const ThreadScope threads(network_.settings.threads);
  network_.parameters.allocate();
  arena_ = MemoryBlock(network_.arena_bytes());
  for (auto& [training, plan] : network_.plans)
    plans_.emplace(Key{training, batch_size_}, KeptPlan{std::move(plan), {}});
  network_.plans.clear();
}

std::int64_t OnednnSession::allocated_bytes() const {
  return network_.parameters.allocated_bytes() + static_cast<std::int64_t>(arena_.allocated());
}

OnednnSession::KeptPlan& OnednnSession::plan_for(bool training, std::size_t rows) {
  auto entry = plans_.find({training, rows});
  if (entry == plans_.end())
    entry = plans_.emplace(Key{training, rows}, KeptPlan{network_.plan(training, rows), {}}).first;
  KeptPlan& kept = entry->second;
  if (kept.plan.arena_bytes() > arena_.size()) {
    arena_ = MemoryBlock();  // given back first
    arena_ = MemoryBlock(kept.plan.arena_bytes());
  }
  if (!kept.plan.bound_to(arena_.data())) kept.plan.bind(arena_.data());
  return kept;
}

void OnednnSession::run(KeptPlan& kept, Pass& pass) {
  pass.stream = &stream_;
  pass.seconds = measuring_ ? &kept.seconds : nullptr;
  network_.parameters.quantize();
  kept.plan.run(pass);
}

std::vector<StepTime> OnednnSession::step_times(bool training) const {
  std::vector<StepTime> times;
  for (const auto& [key, kept] : plans_) {
    if (key.first != training || key.second != batch_size_) continue;
    for (std::size_t i = 0; i < kept.plan.steps().size(); ++i)
      times.push_back(
          {kept.plan.steps()[i].node, kept.plan.steps()[i].kind, kept.seconds.empty() ? 0.0 : kept.seconds[i]});
  }
  return times;
}

void OnednnSession::load(const engine::State& state) {
  network_.parameters.load(state);
  finite_ = weights_finite();
}

bool OnednnSession::weights_finite() const {
  for (const Parameter& parameter : network_.parameters.all()) {
    if (parameter.declaration->integral) continue;
    const float* values = parameter.master();
    if (!std::all_of(values, values + parameter.stored(), [](float value) { return std::isfinite(value); }))
      return false;
  }
  return true;
}

engine::State OnednnSession::state() const {
  engine::State state = engine::zero_state(*network_.graph);
  network_.parameters.read_values(state);
  return state;
}

// Values of buffers stay zero.
engine::State OnednnSession::copy_out(const float* block, const char* suffix) const {
  engine::State state = engine::zero_state(*network_.graph);
  for (std::size_t i = 0; i < state.size(); ++i) {
    const Parameter& parameter = network_.parameters.all()[i];
    state[i].name += suffix;
    if (parameter.trainable()) Parameters::to_plain(parameter, block + parameter.offset, state[i].values);
  }
  return state;
}

void OnednnSession::check_training() const {
  LATHE_CHECK(network_.settings.training, "the session is for evaluation only");
}

engine::State OnednnSession::gradients() const {
  check_training();
  if (fresh_) return engine::zero_state(*network_.graph);
  engine::State state = copy_out(network_.parameters.gradients(), "");
  network_.parameters.pass_gradients(state);
  return state;
}

void OnednnSession::set_optimizer(const engine::OptimizerSettings& settings) {
  check_training();
  const std::size_t count = network_.parameters.trainable_floats();
  if (rule_.steps() > 0)  // fresh memory is zero
    for (float* block : {network_.parameters.moments1(), network_.parameters.moments2()})
      std::fill_n(block, count, 0.0f);
  rule_.set(settings);
  fresh_ = true;
}

engine::State OnednnSession::optimizer_state() const {
  const std::array<const float*, engine::kMostMoments> blocks{network_.parameters.moments1(),
                                                              network_.parameters.moments2()};
  return rule_.save(engine::state_layout(*network_.graph),
                    [&](const engine::MomentPlace& place, std::vector<float>& values) {
                      const Parameter& parameter = network_.parameters.all()[place.tensor];
                      Parameters::to_plain(parameter, blocks.at(place.moment) + parameter.offset, values);
                    });
}

void OnednnSession::load_optimizer_state(const engine::State& state) {
  const std::array<float*, engine::kMostMoments> blocks{network_.parameters.moments1(), network_.parameters.moments2()};
  rule_.load(state, engine::state_layout(*network_.graph),
             [&](const engine::MomentPlace& place, const std::vector<float>& values) {
               const Parameter& parameter = network_.parameters.all()[place.tensor];
               Parameters::from_plain(parameter, values, blocks.at(place.moment) + parameter.offset);
             });
}

// Returns 0, or what is no number where a value is not finite.
float OnednnSession::read_rows(const data::Samples& samples, std::span<const std::uint32_t> rows, float* input) const {
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.width), width_);
  float sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    LATHE_CHECK(static_cast<std::int64_t>(rows[i]) < samples.rows(), "row {} of {}", rows[i], samples.rows());
    const float* from = samples.features.data() + rows[i] * width_;
    float* to = input + i * width_;
#pragma omp simd reduction(+ : sum)
    for (std::size_t k = 0; k < width_; ++k) {
      to[k] = from[k];
      sum += from[k] * 0.0f;
    }
  }
  return sum;
}

engine::BatchResult OnednnSession::accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows,
                                              double loss_scale, std::uint64_t dropout_seed) {
  check_training();
  if (rows.empty()) return {};
  predictions_.check(samples);
  const ThreadScope threads(network_.settings.threads);
  KeptPlan& kept = plan_for(true, rows.size());
  engine::BatchResult result;
  bool finite = finite_;
  Pass pass{.fresh = fresh_, .dropout_seed = dropout_seed, .finite = &finite};
  pass.read_input = [&](float* input) {
    if (read_rows(samples, rows, input) != 0) finite = false;
  };
  pass.use_outputs = [&](const float* values, float* gradients) {
    const std::size_t positions = predictions_.positions(), width = predictions_.outputs();
    for (std::size_t i = 0; i < rows.size() * positions; ++i) {
      const std::span<const float> outputs(values + i * width, width);
      const engine::Truth truth = predictions_.truth(samples, rows[i / positions], i % positions);
      predictions_.add(truth, outputs, loss_.compute(truth, outputs, loss_scale, {gradients + i * width, width}),
                       result);
    }
  };
  run(kept, pass);
  fresh_ = false;
  if (!finite) result.loss_sum = kNoNumber;
  return result;
}

void OnednnSession::update(double learning_rate) {
  check_training();
  const ThreadScope threads(network_.settings.threads);
  const engine::OptimizerStep& step = rule_.next(learning_rate);
  const std::size_t count = network_.parameters.trainable_floats();
  if (fresh_) std::fill_n(network_.parameters.gradients(), count, 0.0f);
  network_.parameters.pass_gradients();
  for (const Parameter& parameter : network_.parameters.all()) {
    if (!parameter.trainable()) continue;
    const UpdateBlock block{.values = parameter.master(),
                            .gradients = network_.parameters.gradients() + parameter.offset,
                            .moments1 = network_.parameters.moments1() + parameter.offset,
                            .moments2 = network_.parameters.moments2() + parameter.offset,
                            .count = parameter.stored(),
                            .penalised = engine::is_penalised(*parameter.declaration)};
    if (!apply_update(rule_.declaration(), rule_.settings(), step, block)) finite_ = false;
  }
  fresh_ = true;
}

template <typename Use>
bool OnednnSession::for_each_prediction(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use) {
  engine::check_range(samples, first, count);
  const std::size_t positions = predictions_.positions(), width = predictions_.outputs();
  const ThreadScope threads(network_.settings.threads);
  bool finite = finite_;
  std::vector<std::uint32_t> rows;
  for (std::size_t begin = 0; begin < static_cast<std::size_t>(count); begin += batch_size_) {
    rows.resize(std::min(batch_size_, static_cast<std::size_t>(count) - begin));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(static_cast<std::size_t>(first) + begin));
    Pass pass{.finite = &finite};
    pass.read_input = [&](float* input) {
      if (read_rows(samples, rows, input) != 0) finite = false;
    };
    pass.use_outputs = [&](const float* values, float*) {
      for (std::size_t i = 0; i < rows.size() * positions; ++i)
        use(rows[i / positions], i % positions, std::span(values + i * width, width));
    };
    run(plan_for(false, rows.size()), pass);
  }
  return finite;
}

engine::EvaluationResult OnednnSession::evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  predictions_.check(samples);
  engine::EvaluationTally tally(predictions_, samples, first, count);
  const bool finite = for_each_prediction(samples, first, count,
                                          [&](std::size_t row, std::size_t position, std::span<const float> outputs) {
                                            const engine::Truth truth = predictions_.truth(samples, row, position);
                                            tally.add(truth, outputs, loss_.compute(truth, outputs, 0, {}));
                                          });
  if (!finite) tally.sums().loss_sum = kNoNumber;
  return tally.finish();
}

void OnednnSession::predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                            std::span<float> outputs) {
  LATHE_CHECK_EQ(outputs.size(), static_cast<std::size_t>(count) * predictions_.row_width());
  auto next = outputs.begin();
  const bool finite =
      for_each_prediction(samples, first, count, [&](std::size_t, std::size_t, std::span<const float> values) {
        next = std::copy(values.begin(), values.end(), next);
      });
  if (!finite) std::fill(outputs.begin(), outputs.end(), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace lathe::backend::onednn
