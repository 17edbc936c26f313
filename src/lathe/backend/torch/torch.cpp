#include "lathe/backend/torch/torch.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lathe/backend/torch/plugin.h"
#include "lathe/base/error.h"

namespace lathe::backend {
namespace {

using libtorch::DeviceKind;
using libtorch::Plugin;

constexpr const char* kFile = "liblathe_backend_torch.so";

bool has_nvidia_driver() {
  std::error_code ignored;
  if (std::filesystem::exists("/dev/nvidiactl", ignored)) return true;
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

std::string driver_refusal() {
  static const bool present = has_nvidia_driver();
  if (present) return {};
  return "this machine has no NVIDIA driver (neither /dev/nvidiactl nor libcuda.so.1); --accelerator cpu runs on the "
         "processor";
}

// The plugin, or why there is none.
struct Loaded {
  const Plugin* plugin = nullptr;
  std::string problem;
};

Loaded open(const std::filesystem::path& file) {
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays for the life of the process
  if (library == nullptr) return {nullptr, fmt::format("cannot load the torch back end: {}", dlerror())};
  const auto entry = reinterpret_cast<libtorch::PluginEntry>(dlsym(library, libtorch::kPluginEntry));
  if (entry == nullptr) return {nullptr, fmt::format("{} is no torch back end of lathe", file.string())};
  const Plugin* plugin = entry();
  const std::string build = libtorch::plugin_build();
  if (plugin->build != build)
    return {nullptr,
            fmt::format("{} is of another build ({}) than this program ({})", file.string(), plugin->build, build)};
  return {plugin, {}};
}

Loaded load(const std::vector<std::filesystem::path>& folders) {
  std::string looked;
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path file = folder / kFile;
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) return open(file);
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  return {nullptr, fmt::format("this lathe was built without the torch back end (no {} in {}); docs/gpu.md says how to "
                               "build it",
                               kFile, looked)};
}

// Loads each plugin once in the life of the process.
const Loaded& loaded(const std::vector<std::filesystem::path>& folders) {
  static std::mutex mutex;
  static std::map<std::vector<std::filesystem::path>, Loaded> all;
  const std::lock_guard lock(mutex);
  const auto found = all.find(folders);
  return found != all.end() ? found->second : all.emplace(folders, load(folders)).first->second;
}

/// Stands for the back end of the plugin and loads it when the first network asks for it.
class TorchBackend final : public engine::Backend {
 public:
  TorchBackend(DeviceKind kind, std::vector<std::filesystem::path> folders)
      : kind_(kind), folders_(std::move(folders)) {}

  std::string name() const override { return "torch"; }
  std::string target() const override { return real().target(); }
  std::string accelerator() const override { return kind_ == DeviceKind::kCuda ? "gpu" : "cpu"; }
  bool uses_threads() const override { return kind_ == DeviceKind::kCpu; }
  std::optional<std::string> refusal(const ir::Graph& graph) const override {
    if (auto problem = find_problem()) return problem;
    return real().refusal(graph);
  }
  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    if (auto problem = find_problem()) return problem;
    return real().loss_refusal(loss);
  }
  std::optional<std::string> precision_refusal(engine::Precision precision) const override {
    if (auto problem = find_problem()) return problem;
    return real().precision_refusal(precision);
  }
  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    return real().compile(graph, settings);
  }

 private:
  std::optional<std::string> find_problem() const {
    if (kind_ == DeviceKind::kCuda && !driver_refusal().empty()) return driver_refusal();
    const std::string& problem = loaded(folders_).problem;
    return problem.empty() ? std::nullopt : std::optional(problem);
  }

  const engine::Backend& real() const {
    if (const auto problem = find_problem()) throw UnsupportedError(*problem);
    std::call_once(made_, [&] { real_ = loaded(folders_).plugin->make(kind_); });
    return *real_;
  }

  DeviceKind kind_;
  std::vector<std::filesystem::path> folders_;
  mutable std::once_flag made_;
  mutable std::shared_ptr<const engine::Backend> real_;
};

}  // namespace

std::vector<std::filesystem::path> torch_plugin_folders() {
  std::error_code problem;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", problem).parent_path();
  return {program, (program / LATHE_PLUGIN_FOLDER).lexically_normal()};
}

std::shared_ptr<const engine::Backend> make_torch_gpu_backend(std::vector<std::filesystem::path> plugin_folders) {
  return std::make_shared<TorchBackend>(DeviceKind::kCuda, std::move(plugin_folders));
}

std::shared_ptr<const engine::Backend> make_torch_cpu_backend(std::vector<std::filesystem::path> plugin_folders) {
  return std::make_shared<TorchBackend>(DeviceKind::kCpu, std::move(plugin_folders));
}

}  // namespace lathe::backend
