#include "lathe/backend/dense/session.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "lathe/backend/dense/plan.h"
#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/engine/state_layout.h"

namespace lathe::backend::dense {
namespace {

std::size_t zeros_size(const Program& program) { return std::max({program.widest, program.input_width, kTile}); }
std::size_t targets_size(const Program& program) { return program.loss.regression ? program.classes * kTile : 0; }
std::size_t gradient_size(const Program& program) { return program.gradient_buffers * program.gradient_stride(); }

// The rules that the kernels know.
bool has_kernel(const engine::OptimizerDeclaration& rule) {
  return rule.name == "adam" || rule.name == "adamw" || rule.name == "sgd";
}

}  // namespace

std::size_t tile_count(std::int64_t batch_size) {
  return (static_cast<std::size_t>(std::max<std::int64_t>(batch_size, 1)) + kTile - 1) / kTile;
}

Powers::Powers(double base) : base_(base) {
  for (std::int64_t i = 0; i < kLow; ++i) low_[static_cast<std::size_t>(i)] = std::pow(base, static_cast<double>(i));
}

double Powers::operator()(std::int64_t exponent) {
  if (exponent / kLow != block_) {
    block_ = exponent / kLow;
    high_ = std::pow(base_, static_cast<double>(kLow * block_));
  }
  return high_ * low_[static_cast<std::size_t>(exponent % kLow)];
}

SessionMemory::SessionMemory(const Program& program, std::size_t tiles, bool training)
    : parameters_(program.parameter_floats),
      gradients_(training ? program.parameter_floats : 0),
      moments1_(training ? program.parameter_floats : 0),
      moments2_(training ? program.parameter_floats : 0),
      effective_(program.quantized.empty() ? 0 : program.parameter_floats),
      transposed_(program.transposed_floats),
      buffers_(program.buffer_floats),
      scratch_(program.scratch_floats),
      gradient_(training ? gradient_size(program) : 0),
      sample_rows_(training ? kTile * program.widest_stride : 0),
      targets_(targets_size(program)),
      zeros_(zeros_size(program)),
      constants_(program.constants_floats),
      statistics_(program.statistics_doubles) {
  pointers_ = {.parameters = parameters_.data(),
               .gradients = gradients_.data(),
               .moments1 = moments1_.data(),
               .moments2 = moments2_.data(),
               .effective = program.quantized.empty() ? parameters_.data() : effective_.data(),
               .transposed = transposed_.data(),
               .buffers = buffers_.data(),
               .statistics = statistics_.data(),
               .constants = constants_.data(),
               .scratch = scratch_.data(),
               .tiles = nullptr,
               .gradient = gradient_.data(),
               .sample_rows = sample_rows_.data(),
               .targets = targets_.data(),
               .zeros = zeros_.data()};
  grow(program, training ? tiles : 1);
}

void SessionMemory::grow(const Program& program, std::size_t tiles) {
  tiles_ = AlignedBuffer<float>(program.tile_floats * tiles);
  tile_count_ = tiles;
  pointers_.tiles = tiles_.data();
}

std::int64_t SessionMemory::bytes(const Program& program, std::size_t tiles, bool training) {
  const std::size_t copies = 1 + (training ? 3 : 0) + (program.quantized.empty() ? 0 : 1);
  using Floats = AlignedBuffer<float>;
  std::size_t bytes = copies * Floats::bytes(program.parameter_floats) + Floats::bytes(program.transposed_floats) +
                      Floats::bytes(program.buffer_floats) + Floats::bytes(program.scratch_floats) +
                      Floats::bytes(program.tile_floats * (training ? tiles : 1)) + Floats::bytes(zeros_size(program)) +
                      Floats::bytes(program.constants_floats) + Floats::bytes(targets_size(program)) +
                      AlignedBuffer<double>::bytes(program.statistics_doubles);
  if (training) bytes += Floats::bytes(gradient_size(program)) + Floats::bytes(kTile * program.widest_stride);
  return static_cast<std::int64_t>(bytes);
}

Compiled::Compiled(const ir::Graph& graph, const engine::SessionSettings& session_settings,
                   const Kernels& target_kernels)
    : settings(session_settings),
      kernels(target_kernels),
      program(compile(graph, kernels.lanes)),
      predictions(graph, settings.loss),
      layout(engine::state_layout(graph)) {
  program.loss = compile_loss(settings.loss, program.classes);
}

DenseSession::DenseSession(std::shared_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)),
      program_(compiled_->program),
      kernels_(compiled_->kernels),
      training_(compiled_->settings.training),
      memory_(program_, tile_count(compiled_->settings.batch_size), training_),
      counters_(program_.counters) {
  kernels_.refresh(program_, memory_.pointers());
}

void DenseSession::read_tensor(const Tensor& tensor, const float* block, std::vector<float>& values) const {
  values.resize(tensor.rows * tensor.columns);
  for (std::size_t row = 0; row < tensor.rows; ++row)
    std::copy_n(block + tensor.offset + row * tensor.stride, tensor.columns, values.data() + row * tensor.columns);
}

void DenseSession::write_tensor(const Tensor& tensor, float* block, const std::vector<float>& values) {
  LATHE_CHECK_EQ(values.size(), tensor.rows * tensor.columns);
  for (std::size_t row = 0; row < tensor.rows; ++row)
    std::copy_n(values.data() + row * tensor.columns, tensor.columns, block + tensor.offset + row * tensor.stride);
}

void DenseSession::load(const engine::State& state) {
  LATHE_CHECK_EQ(state.size(), program_.tensors.size());
  const Memory& memory = memory_.pointers();
  for (std::size_t i = 0; i < state.size(); ++i) {
    const Tensor& tensor = program_.tensors[i];
    switch (tensor.place) {
      case Tensor::Place::kParameter: write_tensor(tensor, memory.parameters, state[i].values); break;
      case Tensor::Place::kBuffer: write_tensor(tensor, memory.buffers, state[i].values); break;
      case Tensor::Place::kCounter: counters_[tensor.offset] = static_cast<std::int64_t>(state[i].values.at(0)); break;
    }
  }
  kernels_.refresh(program_, memory);
  evaluation_prepared_ = false;
}

engine::State DenseSession::from_block(const float* block, bool with_buffers) const {
  engine::State state = compiled_->layout;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const Tensor& tensor = program_.tensors[i];
    if (tensor.place == Tensor::Place::kParameter)
      read_tensor(tensor, block, state[i].values);
    else if (!with_buffers)
      state[i].values.assign(tensor.rows * tensor.columns, 0.0f);
    else if (tensor.place == Tensor::Place::kBuffer)
      read_tensor(tensor, memory_.pointers().buffers, state[i].values);
    else
      state[i].values.assign(1, static_cast<float>(counters_[tensor.offset]));
  }
  return state;
}

engine::State DenseSession::state() const { return from_block(memory_.pointers().parameters, true); }

engine::State DenseSession::gradients() const {
  LATHE_CHECK(training_, "the session is for evaluation only");
  std::vector<float> block(memory_.pointers().gradients, memory_.pointers().gradients + program_.parameter_floats);
  pass_gradients(block.data());
  return from_block(block.data(), false);
}

void DenseSession::pass_gradients(float* block) const {
  for (const QuantizedRange& range : program_.quantized) {
    if (range.format == nullptr || !range.format->changes_gradients()) continue;
    range.format->pass_gradient(view_of<const float>(range, memory_.pointers().parameters),
                                view_of<float>(range, block));
  }
}

void DenseSession::set_optimizer(const engine::OptimizerSettings& settings) {
  LATHE_CHECK(training_, "the session is for evaluation only");
  rule_.set(settings);
  beta1_powers_ = Powers(settings.beta1);
  beta2_powers_ = Powers(settings.beta2);
  const Memory& memory = memory_.pointers();
  for (float* block : {memory.moments1, memory.moments2, memory.gradients})
    std::fill_n(block, program_.parameter_floats, 0.0f);
}

std::array<float*, engine::kMostMoments> DenseSession::moments() const {
  return {memory_.pointers().moments1, memory_.pointers().moments2};
}

engine::State DenseSession::optimizer_state() const {
  return rule_.save(compiled_->layout, [&](const engine::MomentPlace& place, std::vector<float>& values) {
    read_tensor(program_.tensors[place.tensor], moments().at(place.moment), values);
  });
}

void DenseSession::load_optimizer_state(const engine::State& state) {
  rule_.load(state, compiled_->layout, [&](const engine::MomentPlace& place, const std::vector<float>& values) {
    write_tensor(program_.tensors[place.tensor], moments().at(place.moment), values);
  });
}

void DenseSession::check_result(const Rows& rows, const CallResult& result) const {
  LATHE_CHECK(result.row_out_of_range == kNone, "row {} of {}", rows[result.row_out_of_range], rows.total);
  if (result.label_out_of_range == kNone) return;
  const std::size_t row = rows[result.label_out_of_range];
  compiled_->predictions.refuse_label(row, rows.labels[row]);
}

Rows DenseSession::training_rows(const data::Samples& samples, std::span<const std::uint32_t> rows) const {
  return {.features = samples.features.data(),
          .blocks = samples.blocks.empty() ? nullptr : samples.blocks.front().values,
          .labels = program_.loss.regression ? nullptr : samples.labels.data(),
          .targets = program_.loss.regression ? samples.targets.data() : nullptr,
          .order = rows.data(),
          .count = rows.size(),
          .total = static_cast<std::size_t>(samples.rows()),
          .width = program_.input_width};
}

void DenseSession::expect(const data::Samples& samples, std::span<const std::uint32_t> rows) {
  next_ = training_rows(samples, rows);
}

engine::BatchResult DenseSession::accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows,
                                             double loss_scale, std::uint64_t dropout_seed) {
  const Rows next = std::exchange(next_, {});
  LATHE_CHECK(training_, "the session is for evaluation only");
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.width), program_.input_width);
  if (rows.empty()) return {};
  compiled_->predictions.check(samples);
  const std::size_t tiles = tile_count(static_cast<std::int64_t>(rows.size()));
  if (tiles > memory_.tiles()) memory_.grow(program_, tiles);
  const TrainingCall call{
      .rows = training_rows(samples, rows), .next = next, .loss_scale = loss_scale, .dropout_seed = dropout_seed};
  CallResult result;
  kernels_.accumulate(program_, memory_.pointers(), call, result);
  check_result(call.rows, result);
  for (std::int64_t& counter : counters_) ++counter;
  evaluation_prepared_ = false;
  return {result.loss_sum, result.correct};
}

UpdateCall DenseSession::update_call(const engine::OptimizerStep& step) {
  const engine::OptimizerSettings& optimizer = rule_.settings();
  const double learning_rate = step.learning_rate;
  UpdateCall call;
  call.l1 = static_cast<float>(optimizer.l1);
  call.twice_l2 = static_cast<float>(2 * optimizer.l2);
  call.learning_rate = static_cast<float>(learning_rate);
  call.momentum = static_cast<float>(optimizer.momentum);
  if (rule_.declaration().name == "sgd") {
    call.rule = optimizer.momentum == 0 ? UpdateCall::Rule::kSgd
                : optimizer.nesterov    ? UpdateCall::Rule::kSgdNesterov
                                        : UpdateCall::Rule::kSgdMomentum;
    call.weight_decay = static_cast<float>(optimizer.weight_decay);
    return call;
  }
  if (!has_kernel(rule_.declaration())) {
    call.rule = UpdateCall::Rule::kOther;
    return call;
  }
  call.rule = rule_.declaration().name == "adamw" ? UpdateCall::Rule::kAdamW : UpdateCall::Rule::kAdam;
  call.weight_decay = static_cast<float>(optimizer.weight_decay);
  call.keep = static_cast<float>(1.0 - learning_rate * optimizer.weight_decay);
  call.beta1 = static_cast<float>(optimizer.beta1);
  call.one_minus_beta1 = static_cast<float>(1.0 - optimizer.beta1);
  call.beta2 = static_cast<float>(optimizer.beta2);
  call.one_minus_beta2 = static_cast<float>(1.0 - optimizer.beta2);
  call.step_size = static_cast<float>(learning_rate / (1.0 - beta1_powers_(step.number)));
  call.inverse_root_correction = static_cast<float>(1.0 / std::sqrt(1.0 - beta2_powers_(step.number)));
  call.epsilon = static_cast<float>(optimizer.epsilon);
  return call;
}

void DenseSession::update(double learning_rate) {
  LATHE_CHECK(training_, "the session is for evaluation only");
  const engine::OptimizerStep& step = rule_.next(learning_rate);
  const Memory& memory = memory_.pointers();
  pass_gradients(memory.gradients);
  kernels_.update(program_, memory, update_call(step));
  if (!has_kernel(rule_.declaration())) {
    rule_.declaration().update_floats(rule_.settings(), step,
                                      {.values = memory.parameters,
                                       .gradients = memory.gradients,
                                       .moments = moments(),
                                       .count = program_.parameter_floats});
    std::fill_n(memory.gradients, program_.parameter_floats, 0.0f);
  }
  kernels_.refresh(program_, memory);
  evaluation_prepared_ = false;
}

Rows DenseSession::evaluation_rows(const data::Samples& samples, std::int64_t first, std::int64_t count,
                                   bool learned) const {
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.width), program_.input_width);
  engine::check_range(samples, first, count);
  return {.features = samples.features.data(),
          .blocks = samples.blocks.empty() ? nullptr : samples.blocks.front().values,
          .labels = learned && !program_.loss.regression ? samples.labels.data() : nullptr,
          .targets = learned && program_.loss.regression ? samples.targets.data() : nullptr,
          .order = nullptr,
          .first = static_cast<std::size_t>(first),
          .count = static_cast<std::size_t>(count),
          .total = static_cast<std::size_t>(samples.rows()),
          .width = program_.input_width};
}

void DenseSession::prepare_evaluation() {
  if (!evaluation_prepared_) kernels_.prepare_evaluation(program_, memory_.pointers());
  evaluation_prepared_ = true;
}

engine::EvaluationResult DenseSession::evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  compiled_->predictions.check(samples);
  const Rows rows = evaluation_rows(samples, first, count, true);
  prepare_evaluation();
  engine::EvaluationTally tally(compiled_->predictions, samples, first, count);
  engine::EvaluationResult& evaluation = tally.sums();
  const EvaluationSums sums{.rows = evaluation.class_rows.data(),
                            .correct = evaluation.class_correct.data(),
                            .predicted = evaluation.class_predicted.data(),
                            .squared_errors = evaluation.squared_errors.data(),
                            .absolute_errors = evaluation.absolute_errors.data()};
  CallResult result;
  kernels_.evaluate(program_, memory_.pointers(), rows, nullptr, sums, result);
  check_result(rows, result);
  evaluation.loss_sum = result.loss_sum;
  evaluation.correct = result.correct;
  return tally.finish();
}

void DenseSession::predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                           std::span<float> outputs) {
  const Rows rows = evaluation_rows(samples, first, count, false);
  LATHE_CHECK_EQ(outputs.size(), static_cast<std::size_t>(count) * program_.classes);
  prepare_evaluation();
  CallResult result;
  kernels_.evaluate(program_, memory_.pointers(), rows, outputs.data(), {}, result);
  check_result(rows, result);
}

}  // namespace lathe::backend::dense
