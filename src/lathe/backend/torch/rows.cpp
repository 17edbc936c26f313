#include "lathe/backend/torch/rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <numeric>
#include <tuple>

namespace lathe::backend::libtorch {
namespace {

// Mixes the bits of a block of memory into one number, four words at a time: fast, and far from any collision among the
// few data sets of a process.
std::uint64_t mixed(const void* memory, std::size_t bytes, std::uint64_t seed) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  std::array<std::uint64_t, 4> lanes = {seed, seed + 1, seed + 2, seed + 3};
  const auto* next = static_cast<const unsigned char*>(memory);
  const auto mix = [&](std::uint64_t& lane, std::uint64_t word) {
    lane = (lane ^ word) * kFactor;
    lane ^= lane >> 29;
  };
  for (; bytes >= sizeof lanes; bytes -= sizeof lanes, next += sizeof lanes) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), next, sizeof words);
    for (std::size_t i = 0; i < words.size(); ++i) mix(lanes[i], words[i]);
  }
  for (; bytes > 0; --bytes, ++next) mix(lanes[0], *next);
  for (std::size_t i = 1; i < lanes.size(); ++i) mix(lanes[0], lanes[i]);
  return lanes[0];
}

template <typename T>
std::uint64_t mixed(const std::vector<T>& values, std::uint64_t seed) {
  return mixed(values.data(), values.size() * sizeof(T), seed ^ values.size());
}

// What uploaded rows are known by: their content and form.
using Content = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, Shape>;

Content content_of(const data::Samples& samples, const Shape& shape) {
  const auto digest = [&](std::uint64_t seed) {
    return mixed(samples.targets, mixed(samples.labels, mixed(samples.features, seed)));
  };
  return {digest(1), digest(2), samples.rows(), samples.positions, shape};
}

std::int64_t bytes_of(const data::Samples& samples) {
  return static_cast<std::int64_t>(samples.features.size() * sizeof(float) +
                                   samples.labels.size() * sizeof(std::int64_t) +
                                   samples.targets.size() * sizeof(float));
}

template <typename T>
at::Tensor view_of(const std::vector<T>& values, at::IntArrayRef shape, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), shape, at::TensorOptions().dtype(type));  // read only
}

std::shared_ptr<const ResidentRows> upload(const data::Samples& samples, const Shape& shape, const Place& place) {
  const std::int64_t rows = samples.rows();
  auto resident = std::make_shared<ResidentRows>();
  resident->features = view_of(samples.features, {rows, samples.width}, at::kFloat).to(place.device());
  if (shape.size() == 3)
    resident->features = resident->features.view({rows, shape[0], shape[1], shape[2]})
                             .permute({0, 2, 3, 1})
                             .contiguous()
                             .view({rows, samples.width});
  if (samples.outputs > 0)
    resident->targets = view_of(samples.targets, {rows, samples.outputs}, at::kFloat).to(place.device());
  else
    resident->labels = view_of(samples.labels, {rows, samples.positions}, at::kInt).to(place.device()).to(at::kLong);
  place.synchronize();  // other streams will read it
  return resident;
}

// The uploads of the process that somebody still holds.
std::shared_ptr<const ResidentRows> shared_upload(const data::Samples& samples, const Shape& shape,
                                                  const Place& place) {
  static std::mutex mutex;
  static std::map<Content, std::weak_ptr<const ResidentRows>> uploads;
  const Content content = content_of(samples, shape);
  const std::lock_guard lock(mutex);
  std::erase_if(uploads, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = uploads.find(content); found != uploads.end())
    if (auto resident = found->second.lock()) return resident;
  auto resident = upload(samples, shape, place);
  uploads[content] = resident;
  return resident;
}

at::Tensor host_tensor(at::IntArrayRef shape, at::ScalarType type, const Place& place) {
  return at::empty(shape, at::TensorOptions().dtype(type).pinned_memory(place.cuda()));
}

at::Tensor index_of(std::span<const std::uint32_t> rows, const Place& place) {
  const at::Tensor index = host_tensor({static_cast<std::int64_t>(rows.size())}, at::kLong, place);
  std::copy(rows.begin(), rows.end(), index.data_ptr<std::int64_t>());
  return index.to(place.device(), at::kLong, true);
}

// Copies the rows, `width` values each.
template <typename To, typename From>
void copy_rows(const std::vector<From>& values, std::size_t width, std::span<const std::uint32_t> rows, To* to) {
  for (const std::uint32_t row : rows) to = std::copy_n(values.data() + row * width, width, to);
}

}  // namespace

const ResidentRows* RowSource::resident(const data::Samples& samples) {
  if (!place_.cuda() || samples.rows() < 2 * batch_size_) return nullptr;
  const auto found = held_.find(samples.features.data());
  if (found != held_.end()) return found->second.get();
  std::shared_ptr<const ResidentRows> rows;
  if (2 * bytes_of(samples) <= place_.free_bytes()) rows = shared_upload(samples, shape_, place_);
  return held_.emplace(samples.features.data(), std::move(rows)).first->second.get();
}

// `features` [rows, width]: resident images are channels-last already, those of the host are turned here.
Batch RowSource::finished(at::Tensor features, at::Tensor labels, at::Tensor targets) const {
  std::vector<std::int64_t> shape = {features.size(0)};
  shape.insert(shape.end(), shape_.begin(), shape_.end());
  Batch batch{.features = features.view(shape), .labels = std::move(labels), .targets = std::move(targets)};
  if (batch.labels.defined()) batch.labels = batch.labels.reshape({-1});
  return batch;
}

Batch RowSource::from_host(const data::Samples& samples, std::span<const std::uint32_t> rows) const {
  const auto count = static_cast<std::int64_t>(rows.size());
  const at::Tensor features = host_tensor({count, samples.width}, at::kFloat, place_);
  copy_rows(samples.features, static_cast<std::size_t>(samples.width), rows, features.data_ptr<float>());
  at::Tensor labels, targets;
  if (samples.outputs > 0) {
    targets = host_tensor({count, samples.outputs}, at::kFloat, place_);
    copy_rows(samples.targets, static_cast<std::size_t>(samples.outputs), rows, targets.data_ptr<float>());
    targets = targets.to(place_.device(), at::kFloat, true);
  } else {
    labels = host_tensor({count, samples.positions}, at::kLong, place_);
    copy_rows(samples.labels, static_cast<std::size_t>(samples.positions), rows, labels.data_ptr<std::int64_t>());
    labels = labels.to(place_.device(), at::kLong, true);
  }
  Batch batch = finished(features.to(place_.device(), at::kFloat, true), labels, targets);
  if (is_image()) batch.features = batch.features.contiguous(at::MemoryFormat::ChannelsLast);
  return batch;
}

Batch RowSource::gather(const data::Samples& samples, std::span<const std::uint32_t> rows) {
  const ResidentRows* all = resident(samples);
  if (all == nullptr) return from_host(samples, rows);
  const at::Tensor index = index_of(rows, place_);
  const auto taken = [&](const at::Tensor& tensor) {
    return tensor.defined() ? at::index_select(tensor, 0, index) : tensor;
  };
  at::Tensor features = taken(all->features);
  if (is_image())
    features = features.view({features.size(0), shape_[1], shape_[2], shape_[0]}).permute({0, 3, 1, 2});
  else
    features = finished(features, {}, {}).features;
  at::Tensor labels = taken(all->labels);
  return {
      .features = features, .labels = labels.defined() ? labels.reshape({-1}) : labels, .targets = taken(all->targets)};
}

Batch RowSource::range(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(first));
  return gather(samples, rows);
}

}  // namespace lathe::backend::libtorch
