#include "lathe/backend/torch/engine.h"

#include <fmt/format.h>

#include "lathe/backend/torch/plan.h"
#include "lathe/backend/torch/session.h"
#include "lathe/base/check.h"

namespace lathe::backend::libtorch {
namespace {

class LibtorchNetwork final : public engine::CompiledNetwork {
 public:
  LibtorchNetwork(const ir::Graph& graph, const engine::SessionSettings& settings, DeviceKind kind)
      : graph_(std::make_shared<const ir::Graph>(graph)), settings_(settings), kind_(kind) {}
  std::int64_t session_bytes() const override { return libtorch::session_bytes(*graph_, settings_); }
  std::unique_ptr<engine::Session> make_session() const override {
    return std::make_unique<TorchSession>(graph_, settings_, kind_);
  }

 private:
  std::shared_ptr<const ir::Graph> graph_;
  engine::SessionSettings settings_;
  DeviceKind kind_;
};

class LibtorchBackend final : public engine::Backend {
 public:
  explicit LibtorchBackend(DeviceKind kind) : kind_(kind) {}

  std::string name() const override { return "torch"; }
  std::string target() const override { return describe(kind_); }
  std::string accelerator() const override { return kind_ == DeviceKind::kCuda ? "gpu" : "cpu"; }
  bool uses_threads() const override { return kind_ == DeviceKind::kCpu; }

  std::optional<std::string> refusal(const ir::Graph& graph) const override {
    if (auto reason = device_refusal(kind_)) return reason;
    return find_refusal(graph);
  }

  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    if (Loss::knows(loss.name)) return std::nullopt;
    return fmt::format("loss {} has no torch kernel", loss.name);
  }

  std::optional<std::string> precision_refusal(engine::Precision precision) const override {
    return libtorch::precision_refusal(kind_, precision);
  }

  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    const auto reason = refusal(graph);
    LATHE_CHECK(!reason, "back end torch was asked for a graph that it refuses: {}", *reason);
    return std::make_shared<LibtorchNetwork>(graph, settings, kind_);
  }

 private:
  DeviceKind kind_;
};

}  // namespace

std::shared_ptr<const engine::Backend> make_libtorch_backend(DeviceKind kind) {
  return std::make_shared<LibtorchBackend>(kind);
}

}  // namespace lathe::backend::libtorch
