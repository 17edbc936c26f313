#include "lathe/backend/torch/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <cstdlib>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <string_view>

#include "lathe/backend/torch/cuda.h"
#include "lathe/backend/torch/place.h"
#include "lathe/base/error.h"
#include "lathe/base/out_of_memory.h"

namespace lathe::backend::libtorch {
namespace {

constexpr const char* kCpuTarget = "CPU capability usage: ";

// The SIMD target that libtorch chose for this processor: `AVX2`.
std::string simd_target() {
  const std::string config = at::show_config();
  const std::size_t begin = config.find(kCpuTarget);
  if (begin == std::string::npos) return "unknown";
  const std::string rest = config.substr(begin + std::string_view(kCpuTarget).size());
  return rest.substr(0, rest.find('\n'));
}

// Later versions have further switches for the same and call these deprecated.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
// The same work gives the same bits: no choice of algorithms by the clock, no TF32 in float32 products, a fixed
// workspace for cuBLAS (read when CUDA starts).
void set_rules() {
  static std::once_flag done;
  std::call_once(done, [] {
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    at::Context& context = at::globalContext();
    context.setDeterministicCuDNN(true);
    context.setBenchmarkCuDNN(false);
    context.setAllowTF32CuDNN(false);
    context.setAllowTF32CuBLAS(false);
  });
}
#pragma GCC diagnostic pop

bool is_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string_view text = error.what_without_backtrace();
  for (const char* sign : {"out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED"})
    if (text.find(sign) != std::string_view::npos) return true;
  return false;
}

#ifdef LATHE_TORCH_CUDA
// Everybody's turns on the device, and those of one that must be alone.
std::shared_mutex& turns() {
  static std::shared_mutex mutex;
  return mutex;
}

// Starts CUDA and libtorch's memory of it, which the first tensor there does.
void start_device() {
  static std::once_flag done;
  std::call_once(done, [] { static_cast<void>(at::zeros({1}, at::TensorOptions().device(at::kCUDA, 0))); });
}

int major_capability() {
  int major = 0;
  if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) != cudaSuccess) return 0;
  return major;
}

std::string device_name() {
  cudaDeviceProp properties{};
  return cudaGetDeviceProperties(&properties, 0) == cudaSuccess ? properties.name : "unknown CUDA device";
}
#endif

}  // namespace

std::string describe(DeviceKind kind) {
#ifdef LATHE_TORCH_CUDA
  if (kind == DeviceKind::kCuda) return fmt::format("libtorch {} {}", TORCH_VERSION, device_name());
#endif
  static_cast<void>(kind);
  return fmt::format("libtorch {} {}", TORCH_VERSION, simd_target());
}

std::optional<std::string> device_refusal(DeviceKind kind) {
  if (kind == DeviceKind::kCpu) return std::nullopt;
#ifdef LATHE_TORCH_CUDA
  if (c10::cuda::device_count() > 0) return std::nullopt;
  return fmt::format("libtorch {} finds no CUDA device that it can use (nvidia-smi shows what there is)",
                     TORCH_VERSION);
#else
  return fmt::format("libtorch {} was built without CUDA; docs/gpu.md says how to build lathe on another one",
                     TORCH_VERSION);
#endif
}

std::optional<std::string> precision_refusal(DeviceKind kind, engine::Precision precision) {
  if (precision == engine::Precision::kFloat32) return std::nullopt;
  if (kind == DeviceKind::kCpu) {
    if (precision == engine::Precision::kBFloat16) return std::nullopt;
    return fmt::format("libtorch {} has no float16 products on the processor", TORCH_VERSION);
  }
#ifdef LATHE_TORCH_CUDA
  constexpr int kAmpere = 8;
  if (precision == engine::Precision::kBFloat16 && major_capability() < kAmpere)
    return fmt::format("{} has no bfloat16 (compute capability 8 or above has)", device_name());
#endif
  return std::nullopt;
}

std::int64_t bytes_held(DeviceKind kind) {
#ifdef LATHE_TORCH_CUDA
  if (kind == DeviceKind::kCuda && c10::cuda::device_count() > 0) {
    start_device();
    return c10::cuda::CUDACachingAllocator::getDeviceStats(0).reserved_bytes[0].current;
  }
#endif
  static_cast<void>(kind);
  return 0;
}

void rethrow(const c10::Error& error, DeviceKind kind) {
  const std::string text = error.what_without_backtrace();
  const std::string first_line = text.substr(0, text.find('\n'));
  if (is_out_of_memory(error)) throw OutOfMemory(first_line);
  throw SystemError("run the network on", describe(kind), first_line);
}

#ifdef LATHE_TORCH_CUDA
struct Place::Stream {
  c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, 0);
};
struct Place::Turn::Guards {
  std::shared_lock<std::shared_mutex> shared;
  std::unique_lock<std::shared_mutex> alone;
  std::optional<c10::cuda::CUDAStreamGuard> stream;
};
struct Readback::Event {
  Event() { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming)); }
  ~Event() { static_cast<void>(cudaEventDestroy(event)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t event = nullptr;
};
#else
struct Place::Stream {};
struct Place::Turn::Guards {};
struct Readback::Event {};
#endif

Place::Place(DeviceKind kind, int threads) : kind_(kind), threads_(threads) {
  set_rules();
#ifdef LATHE_TORCH_CUDA
  if (cuda()) start_device();
#endif
  if (cuda()) stream_ = std::make_unique<Stream>();
}

Place::~Place() = default;

void Place::synchronize() const {
#ifdef LATHE_TORCH_CUDA
  if (cuda()) stream_->stream.synchronize();
#endif
}

void Place::release() const {
#ifdef LATHE_TORCH_CUDA
  if (!cuda()) return;
  synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();
#endif
}

std::int64_t Place::free_bytes() const {
#ifdef LATHE_TORCH_CUDA
  std::size_t available = 0, total = 0;
  if (cuda() && cudaMemGetInfo(&available, &total) == cudaSuccess) return static_cast<std::int64_t>(available);
#endif
  return std::numeric_limits<std::int64_t>::max();
}

Place::Turn::Turn(const Place& place, Company company) {
#ifdef LATHE_TORCH_CUDA
  if (place.cuda()) {
    guards_ = std::make_unique<Guards>();
    if (company == Company::kAlone)
      guards_->alone = std::unique_lock(turns());
    else
      guards_->shared = std::shared_lock(turns());
    guards_->stream.emplace(place.stream_->stream);
    return;
  }
#endif
  static_cast<void>(company);
  if (at::get_num_threads() != place.threads_) at::set_num_threads(place.threads_);
}

Place::Turn::~Turn() = default;

Readback::Readback(const Place& place) {
  host_ = at::zeros({2}, at::TensorOptions().dtype(at::kDouble).pinned_memory(place.cuda()));
  if (place.cuda()) event_ = std::make_unique<Event>();
}

Readback::~Readback() = default;

void Readback::start(const at::Tensor& sums) {
  host_.copy_(sums, event_ != nullptr);
#ifdef LATHE_TORCH_CUDA
  if (event_) C10_CUDA_CHECK(cudaEventRecord(event_->event, c10::cuda::getCurrentCUDAStream()));
#endif
}

std::pair<double, double> Readback::wait() {
#ifdef LATHE_TORCH_CUDA
  if (event_) C10_CUDA_CHECK(cudaEventSynchronize(event_->event));
#endif
  const double* values = host_.data_ptr<double>();
  return {values[0], values[1]};
}

}  // namespace lathe::backend::libtorch
