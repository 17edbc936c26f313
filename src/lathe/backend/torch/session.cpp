#include "lathe/backend/torch/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/engine/state_layout.h"

namespace lathe::backend::libtorch {

using Company = Place::Turn::Company;

// The step of one size that is recorded: two have been run the plain way before, so that all libraries have started.
constexpr std::int64_t kRecordedRun = 3;

struct TorchSession::Contents {
  Contents(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings, const Place& place)
      : network(std::move(graph), place, settings),
        source(place, network.graph().input().output_shape, settings.batch_size),
        loss(settings.loss, place),
        scaler(settings.training && settings.precision == engine::Precision::kFloat16),
        readback(place),
        scale(at::ones({}, at::TensorOptions().dtype(at::kDouble).device(place.device()))),
        // libtorch's gradient of an embedding waits for the device, which a recording cannot
        recordable(StepGraph::possible(place) && !network.has("embedding")) {
    if (!settings.training) return;
    network.for_each_tensor([&](const Tensor& tensor) {
      if (tensor.parameter->trainable) optimizer.add(tensor.values, engine::is_penalised(*tensor.parameter));
    });
  }

  Network network;
  RowSource source;
  Loss loss;
  LossScaler scaler;
  Optimizer optimizer;
  Readback readback;
  at::Tensor scale;  // of the loss, in the step at hand
  bool recordable = false;
  std::size_t last_rows = 0;      // of the batch before
  std::int64_t runs_of_rows = 0;  // batches in a row that had as many
  std::unique_ptr<Recorded> recorded;
};

namespace {

std::vector<float> floats_of(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  return {host.data_ptr<float>(), host.data_ptr<float>() + host.numel()};
}

template <typename T>
std::vector<T> values_of(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  return {host.data_ptr<T>(), host.data_ptr<T>() + host.numel()};
}

void copy_in(const std::vector<float>& values, const at::Tensor& tensor) {
  const at::NoGradGuard no_gradients;
  LATHE_CHECK_EQ(static_cast<std::int64_t>(values.size()), tensor.numel());
  tensor.detach().copy_(at::from_blob(const_cast<float*>(values.data()), tensor.sizes(), at::kFloat));  // read only
}

const engine::NamedTensor* find(const engine::State& state, const std::string& name) {
  const auto found = std::find_if(state.begin(), state.end(), [&](const auto& tensor) { return tensor.name == name; });
  return found == state.end() ? nullptr : &*found;
}

const engine::NamedTensor& find_moment(const engine::State& state, const std::string& name, std::int64_t size) {
  const engine::NamedTensor* found = find(state, name);
  if (found == nullptr || static_cast<std::int64_t>(found->values.size()) != size)
    throw DataError(fmt::format("optimiser state: tensor {} is missing or of another size", name));
  return *found;
}

// Adds up on the device what an evaluation counts, per class.
struct ClassCounts {
  explicit ClassCounts(std::int64_t classes, at::Device device)
      : counts(at::zeros({3, classes}, at::TensorOptions().dtype(at::kLong).device(device))) {}

  void add(const at::Tensor& predicted, const at::Tensor& labels) const {
    const at::Tensor ones = at::ones_like(labels);
    counts.select(0, 0).scatter_add_(0, labels, ones);
    counts.select(0, 1).scatter_add_(0, labels, predicted.eq(labels).to(at::kLong));
    counts.select(0, 2).scatter_add_(0, predicted, ones);
  }

  at::Tensor counts;  // [labels, right predictions, predictions] x classes
};

constexpr const char* kLossScale = "loss_scale";  // of float16: factor, good steps

}  // namespace

template <typename Work>
auto TorchSession::on_device(Company company, Work work) const {
  return translated(place_.kind(), [&] {
    const Place::Turn turn(place_, company);
    return work();
  });
}

TorchSession::TorchSession(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings,
                           DeviceKind kind)
    : place_(kind, settings.threads), settings_(settings), predictions_(*graph, settings.loss) {
  try {
    on_device(Company::kShared, [&] { contents_ = std::make_unique<Contents>(std::move(graph), settings_, place_); });
  } catch (...) {
    const Place::Turn turn(place_);
    place_.release();
    throw;
  }
}

TorchSession::~TorchSession() {
  try {
    const Place::Turn turn(place_);
    place_.synchronize();
    contents_.reset();
    place_.release();
  } catch (const c10::Error&) {
    contents_.reset();  // the device is lost; whoever uses it next is told so
  }
}

void TorchSession::load(const engine::State& state) {
  on_device(Company::kShared, [&] {
    std::size_t next = 0;
    contents_->network.for_each_tensor([&](Tensor& tensor) { copy_in(state.at(next++).values, tensor.values); });
    LATHE_CHECK_EQ(next, state.size());
  });
}

engine::State TorchSession::state() const {
  return on_device(Company::kShared, [&] {
    engine::State state = engine::zero_state(contents_->network.graph());
    std::size_t next = 0;
    contents_->network.for_each_tensor([&](const Tensor& tensor) { state[next++].values = floats_of(tensor.values); });
    return state;
  });
}

// Names `tensors`, one per trainable tensor of the network; buffers are left zero.
engine::State TorchSession::trained_state(const std::vector<at::Tensor>& tensors, double factor) const {
  return on_device(Company::kShared, [&] {
    engine::State state = engine::zero_state(contents_->network.graph());
    std::size_t next = 0;
    for (engine::NamedTensor& tensor : state) {
      if (!tensor.trainable) continue;
      const at::Tensor& values = tensors.at(next++);
      tensor.values = floats_of(factor == 1 ? values : values.mul(factor));
    }
    return state;
  });
}

engine::State TorchSession::gradients() const {
  LATHE_CHECK(settings_.training, "the session is for evaluation only");
  return trained_state(contents_->optimizer.gradients(), 1 / contents_->scaler.scale());
}

void TorchSession::set_optimizer(const engine::OptimizerSettings& settings) {
  LATHE_CHECK(settings_.training, "the session is for evaluation only");
  on_device(Company::kShared, [&] {
    contents_->optimizer.set(settings);
    contents_->scaler = LossScaler(contents_->scaler.active());
  });
}

engine::State TorchSession::optimizer_state() const {
  const Optimizer& optimizer = contents_->optimizer;
  engine::State state = on_device(Company::kShared, [&] {
    return optimizer.rule().save(engine::state_layout(contents_->network.graph()),
                                 [&](const engine::MomentPlace& place, std::vector<float>& values) {
                                   values = floats_of(optimizer.moments().at(place.moment).at(place.trained));
                                 });
  });
  const LossScaler& scaler = contents_->scaler;
  if (scaler.active())
    state.push_back({.name = kLossScale,
                     .shape = {2},
                     .values = {static_cast<float>(scaler.scale()), static_cast<float>(scaler.good_steps())}});
  return state;
}

void TorchSession::load_optimizer_state(const engine::State& state) {
  on_device(Company::kShared, [&] {
    Optimizer& optimizer = contents_->optimizer;
    optimizer.rule().load(state, engine::state_layout(contents_->network.graph()),
                          [&](const engine::MomentPlace& place, const std::vector<float>& values) {
                            copy_in(values, optimizer.moments().at(place.moment).at(place.trained));
                          });
    if (!contents_->scaler.active()) return;
    const std::vector<float>& scale = find_moment(state, kLossScale, 2).values;
    contents_->scaler.restore(scale[0], static_cast<std::int64_t>(scale[1]));
  });
}

void TorchSession::check(const data::Samples& samples) const {
  predictions_.check(samples);
  LATHE_CHECK_EQ(samples.width, element_count(contents_->network.graph().input().output_shape));
}

// Labels and tokens name rows of tables; a device reports ill that there is none.
void TorchSession::check_labels(const data::Samples& samples, std::size_t row) const {
  for (std::size_t position = 0; position < predictions_.positions(); ++position)
    static_cast<void>(predictions_.truth(samples, row, position));
}

void TorchSession::check_tokens(const data::Samples& samples, std::size_t row) const {
  for (const std::size_t user : contents_->network.graph().users(0)) {
    const ir::Node& node = contents_->network.graph().nodes[user];
    if (node.op != "embedding") continue;
    const auto known = static_cast<double>(node.integer("num_embeddings"));
    for (std::int64_t i = 0; i < samples.width; ++i) {
      const double token =
          samples.features[row * static_cast<std::size_t>(samples.width) + static_cast<std::size_t>(i)];
      if (!(token >= 0 && token < known) || token != std::floor(token))
        throw DataError(fmt::format("node {}: {} is no token; it knows the whole numbers from 0 to {}", node.name,
                                    token, known - 1));
    }
  }
}

void TorchSession::check_rows(const data::Samples& samples, std::span<const std::uint32_t> rows) const {
  check(samples);
  for (const std::uint32_t row : rows) {
    LATHE_CHECK(static_cast<std::int64_t>(row) < samples.rows(), "row {} of {}", row, samples.rows());
    check_labels(samples, row);
    check_tokens(samples, row);
  }
}

void TorchSession::check_range(const data::Samples& samples, std::int64_t first, std::int64_t count) const {
  engine::check_range(samples, first, count);
  for (std::int64_t row = first; row < first + count; ++row) check_tokens(samples, static_cast<std::size_t>(row));
}

// Counts the batches of one size that come in a row.
bool TorchSession::is_time_to_record(std::size_t rows) {
  Contents& c = *contents_;
  c.runs_of_rows = rows == c.last_rows ? c.runs_of_rows + 1 : 1;
  c.last_rows = rows;
  return c.recordable && c.recorded == nullptr && c.runs_of_rows == kRecordedRun;
}

TorchSession::Step TorchSession::forward_step(const Batch& batch, const Masks& masks) {
  Contents& c = *contents_;
  const at::Tensor outputs = c.network.forward(batch.features, true, masks).reshape({-1, width()});
  const at::Tensor total = c.loss.each(outputs, batch).sum(at::kDouble);
  const at::Tensor correct = batch.labels.defined() ? outputs.detach().argmax(1).eq(batch.labels).sum().to(at::kDouble)
                                                    : at::zeros_like(total);
  return {.sums = at::stack({total.detach(), correct.detach()}), .scaled_loss = total.mul(c.scale)};
}

// The passes read copies of this batch from now on, which every later batch is put into.
void TorchSession::record(const Batch& batch, const Masks& masks) {
  const auto copied = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.clone() : tensor; };
  auto recorded = std::make_unique<Recorded>();
  recorded->batch = {copied(batch.features), copied(batch.labels), copied(batch.targets)};
  for (const at::Tensor& mask : masks) recorded->masks.push_back(copied(mask));
  place_.release();  // what the plain steps took is not the graphs' to use
  recorded->graph.record([&] { recorded->step = forward_step(recorded->batch, recorded->masks); },
                         [&] { recorded->step.scaled_loss.backward(); });
  recorded->step.scaled_loss.reset();  // and with it what the passes keep: its place is the graphs'
  contents_->recorded = std::move(recorded);
}

void TorchSession::run_recorded(const Batch& batch, const Masks& masks) {
  Recorded& recorded = *contents_->recorded;
  const auto put = [](const at::Tensor& from, const at::Tensor& to) {
    if (to.defined()) to.copy_(from, true);
  };
  put(batch.features, recorded.batch.features);
  put(batch.labels, recorded.batch.labels);
  put(batch.targets, recorded.batch.targets);
  for (std::size_t i = 0; i < masks.size(); ++i) put(masks[i], recorded.masks[i]);
  recorded.graph.replay_forward();
  contents_->readback.start(recorded.step.sums);
  recorded.graph.replay_backward();
}

void TorchSession::run(const Batch& batch, const Masks& masks) {
  const Step step = forward_step(batch, masks);
  contents_->readback.start(step.sums);
  step.scaled_loss.backward();
}

engine::BatchResult TorchSession::accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows,
                                             double loss_scale, std::uint64_t dropout_seed) {
  LATHE_CHECK(settings_.training, "the session is for evaluation only");
  if (rows.empty()) return {};
  check_rows(samples, rows);
  const bool records = is_time_to_record(rows.size());
  return on_device(records ? Company::kAlone : Company::kShared, [&] {
    Contents& c = *contents_;
    const Batch batch = c.source.gather(samples, rows);
    const Masks masks = c.network.draw_masks(batch.rows(), dropout_seed);
    c.scale.fill_(loss_scale * c.scaler.scale());
    c.network.count_batch();
    if (records) record(batch, masks);
    if (c.recorded != nullptr && c.recorded->batch.rows() == batch.rows())
      run_recorded(batch, masks);
    else
      run(batch, masks);
    const auto [loss_sum, correct] = c.readback.wait();
    return engine::BatchResult{.loss_sum = loss_sum, .correct = static_cast<std::int64_t>(correct)};
  });
}

void TorchSession::update(double learning_rate) {
  LATHE_CHECK(settings_.training, "the session is for evaluation only");
  on_device(Company::kShared, [&] {
    LossScaler& scaler = contents_->scaler;
    const double scale = scaler.scale();
    if (scaler.active()) {
      const bool finite = contents_->optimizer.gradients_finite();
      scaler.note(finite);
      if (!finite) return contents_->optimizer.clear_gradients();
    }
    contents_->optimizer.apply(learning_rate, scale);
  });
}

at::Tensor TorchSession::predictions(const Batch& batch) {
  return contents_->network.forward(batch.features, false, {}).reshape({-1, width()});
}

template <typename Use>
void TorchSession::for_each_batch(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use) {
  const at::NoGradGuard no_gradients;
  const std::int64_t size = std::max<std::int64_t>(settings_.batch_size, 1);
  for (std::int64_t begin = 0; begin < count; begin += size)
    use(contents_->source.range(samples, first + begin, std::min(size, count - begin)));
}

engine::EvaluationResult TorchSession::evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  check(samples);
  check_range(samples, first, count);
  for (std::int64_t row = first; row < first + count; ++row) check_labels(samples, static_cast<std::size_t>(row));
  return on_device(Company::kShared, [&] {
    engine::EvaluationTally tally(predictions_, samples, first, count);
    if (predictions_.regression())
      evaluate_targets(samples, first, count, tally.sums());
    else
      evaluate_classes(samples, first, count, tally.sums());
    return tally.finish();
  });
}

void TorchSession::evaluate_classes(const data::Samples& samples, std::int64_t first, std::int64_t count,
                                    engine::EvaluationResult& sums) {
  const at::Tensor loss = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(place_.device()));
  const ClassCounts counts(width(), place_.device());
  for_each_batch(samples, first, count, [&](const Batch& batch) {
    const at::Tensor outputs = predictions(batch);
    loss.add_(contents_->loss.each(outputs, batch).sum(at::kDouble));
    counts.add(outputs.argmax(1), batch.labels);
  });
  sums.loss_sum = loss.item<double>();
  sums.class_rows = values_of<std::int64_t>(counts.counts.select(0, 0));
  sums.class_correct = values_of<std::int64_t>(counts.counts.select(0, 1));
  sums.class_predicted = values_of<std::int64_t>(counts.counts.select(0, 2));
  for (const std::int64_t correct : sums.class_correct) sums.correct += correct;
}

void TorchSession::evaluate_targets(const data::Samples& samples, std::int64_t first, std::int64_t count,
                                    engine::EvaluationResult& sums) {
  const auto zeros = at::TensorOptions().dtype(at::kDouble).device(place_.device());
  const at::Tensor loss = at::zeros({}, zeros), squared = at::zeros({width()}, zeros);
  const at::Tensor absolute = at::zeros({width()}, zeros);
  for_each_batch(samples, first, count, [&](const Batch& batch) {
    const at::Tensor outputs = predictions(batch);
    const at::Tensor differences = at::sub(outputs.to(at::kDouble), batch.targets);
    loss.add_(contents_->loss.each(outputs, batch).sum(at::kDouble));
    squared.add_(differences.square().sum(0));
    absolute.add_(differences.abs().sum(0));
  });
  sums.loss_sum = loss.item<double>();
  sums.squared_errors = values_of<double>(squared);
  sums.absolute_errors = values_of<double>(absolute);
}

void TorchSession::predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                           std::span<float> outputs) {
  check_range(samples, first, count);
  LATHE_CHECK_EQ(static_cast<std::int64_t>(outputs.size()),
                 count * static_cast<std::int64_t>(predictions_.row_width()));
  on_device(Company::kShared, [&] {
    auto next = outputs.begin();
    for_each_batch(samples, first, count, [&](const Batch& batch) {
      const std::vector<float> values = floats_of(predictions(batch));
      next = std::copy(values.begin(), values.end(), next);
    });
  });
}

}  // namespace lathe::backend::libtorch
