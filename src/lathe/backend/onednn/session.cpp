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

// A network that ends in [tokens, classes] makes as many predictions of a row as it has tokens.
std::size_t positions_of(const ir::Graph& graph) {
  const Shape& shape = graph.output().output_shape;
  return shape.size() < 2 ? 1 : static_cast<std::size_t>(shape[0]);
}

std::size_t largest_index(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
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
      loss_(network_.settings.loss),
      stream_(processor()),
      batch_size_(network_.batch_size()),
      width_(static_cast<std::size_t>(element_count(network_.graph->input().output_shape))),
      positions_(positions_of(*network_.graph)),
      outputs_(static_cast<std::size_t>(element_count(network_.graph->output().output_shape)) / positions_) {
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

void OnednnSession::check_samples(const data::Samples& samples) const {
  engine::check_rows(network_.settings.loss, samples, static_cast<std::int64_t>(outputs_));
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.positions), positions_);
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

std::size_t OnednnSession::label_of(const data::Samples& samples, std::size_t row, std::size_t position) const {
  const std::int32_t label = samples.labels[row * positions_ + position];
  if (label < 0 || static_cast<std::size_t>(label) >= outputs_)
    throw DataError(
        fmt::format("row {}: label {} is no class of the network, which has {} outputs", row, label, outputs_));
  return static_cast<std::size_t>(label);
}

std::span<const float> OnednnSession::targets_of(const data::Samples& samples, std::size_t row) const {
  return std::span(samples.targets).subspan(row * outputs_, outputs_);
}

double OnednnSession::loss_of(const data::Samples& samples, std::size_t row, std::size_t position,
                              std::span<const float> outputs, double scale, std::span<float> gradient) const {
  return samples.outputs > 0 ? loss_.regress(outputs, targets_of(samples, row), scale, gradient)
                             : loss_.classify(outputs, label_of(samples, row, position), scale, gradient);
}

engine::BatchResult OnednnSession::accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows,
                                              double loss_scale, std::uint64_t dropout_seed) {
  check_training();
  if (rows.empty()) return {};
  check_samples(samples);
  const ThreadScope threads(network_.settings.threads);
  KeptPlan& kept = plan_for(true, rows.size());
  engine::BatchResult result;
  bool finite = finite_;
  Pass pass{.fresh = fresh_, .dropout_seed = dropout_seed, .finite = &finite};
  pass.read_input = [&](float* input) {
    if (read_rows(samples, rows, input) != 0) finite = false;
  };
  pass.use_outputs = [&](const float* values, float* gradients) {
    for (std::size_t i = 0; i < rows.size() * positions_; ++i) {
      const std::span<const float> outputs(values + i * outputs_, outputs_);
      const std::size_t row = rows[i / positions_], position = i % positions_;
      result.loss_sum += loss_of(samples, row, position, outputs, loss_scale, {gradients + i * outputs_, outputs_});
      if (samples.outputs == 0 && largest_index(outputs) == label_of(samples, row, position)) ++result.correct;
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
  LATHE_CHECK(first >= 0 && count >= 0 && first + count <= samples.rows(), "rows {} + {} of {}", first, count,
              samples.rows());
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
      for (std::size_t i = 0; i < rows.size() * positions_; ++i)
        use(rows[i / positions_], i % positions_, std::span(values + i * outputs_, outputs_));
    };
    run(plan_for(false, rows.size()), pass);
  }
  return finite;
}

void OnednnSession::add_to_result(const data::Samples& samples, std::size_t row, std::size_t position,
                                  std::span<const float> outputs, engine::EvaluationResult& result) const {
  result.loss_sum += loss_of(samples, row, position, outputs, 0, {});
  ++result.rows;
  if (samples.outputs > 0) {
    const std::span<const float> targets = targets_of(samples, row);
    for (std::size_t i = 0; i < outputs_; ++i) {
      const double difference = static_cast<double>(outputs[i]) - targets[i];
      result.squared_errors[i] += difference * difference;
      result.absolute_errors[i] += std::fabs(difference);
    }
    return;
  }
  const std::size_t label = label_of(samples, row, position), predicted = largest_index(outputs);
  const std::int64_t hit = label == predicted ? 1 : 0;
  result.correct += hit;
  ++result.class_rows[label];
  result.class_correct[label] += hit;
  ++result.class_predicted[predicted];
}

engine::EvaluationResult OnednnSession::evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  check_samples(samples);
  const bool regression = samples.outputs > 0;
  engine::EvaluationResult result;
  for (auto* counts : {&result.class_rows, &result.class_correct, &result.class_predicted})
    counts->assign(regression ? 0 : outputs_, 0);
  for (auto* sums : {&result.squared_errors, &result.absolute_errors}) sums->assign(regression ? outputs_ : 0, 0);
  const bool finite = for_each_prediction(samples, first, count,
                                          [&](std::size_t row, std::size_t position, std::span<const float> outputs) {
                                            add_to_result(samples, row, position, outputs, result);
                                          });
  if (!finite) result.loss_sum = kNoNumber;
  if (regression)
    result.target_squares = engine::target_squares(samples, first, count);
  else
    result.weight = engine::loss_weight(network_.settings.loss, result.class_rows);
  return result;
}

void OnednnSession::predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                            std::span<float> outputs) {
  LATHE_CHECK_EQ(outputs.size(), static_cast<std::size_t>(count) * positions_ * outputs_);
  auto next = outputs.begin();
  const bool finite =
      for_each_prediction(samples, first, count, [&](std::size_t, std::size_t, std::span<const float> values) {
        next = std::copy(values.begin(), values.end(), next);
      });
  if (!finite) std::fill(outputs.begin(), outputs.end(), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace lathe::backend::onednn
