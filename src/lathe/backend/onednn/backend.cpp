#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <utility>

#include "lathe/backend/onednn/onednn.h"
#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/session.h"
#include "lathe/base/check.h"

namespace lathe::backend {
namespace {

bool is_structural(const ir::Node& node) { return node.op == "input" || node.op == "output" || node.op == "identity"; }

std::optional<std::string> node_refusal(const ir::Node& node) {
  if (!is_structural(node) && onednn::find_op_maker(node.op) == nullptr)
    return fmt::format("node {}: op {} has no onednn kernel", node.name, node.op);
  return std::nullopt;
}

// oneDNN's names: `Intel AVX2`, `Intel AVX-512 with ...`, by their identifiers.
std::string isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "SSE4.1";
    case dnnl::cpu_isa::avx: return "AVX";
    case dnnl::cpu_isa::avx2: return "AVX2";
    case dnnl::cpu_isa::avx2_vnni: return "AVX2-VNNI";
    case dnnl::cpu_isa::avx512_core: return "AVX512";
    case dnnl::cpu_isa::avx512_core_vnni: return "AVX512-VNNI";
    case dnnl::cpu_isa::avx512_core_bf16: return "AVX512-BF16";
    case dnnl::cpu_isa::avx512_core_amx: return "AVX512-AMX";
    default: return "generic";
  }
}

bool has_bfloat16() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
}

// oneDNN's primitives are bound to the memory that they work on, so that sessions cannot share plans: the first session
// takes those that told the bytes, every further one makes its own.
class OnednnNetwork final : public engine::CompiledNetwork {
 public:
  OnednnNetwork(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings)
      : graph_(std::move(graph)),
        settings_(settings),
        planned_(onednn::PlannedNetwork(graph_, settings_)),
        bytes_(planned_->bytes()) {}

  std::int64_t session_bytes() const override { return bytes_; }
  std::unique_ptr<engine::Session> make_session() const override {
    std::optional<onednn::PlannedNetwork> planned = take_planned();
    if (!planned) planned.emplace(graph_, settings_);
    return std::make_unique<onednn::OnednnSession>(std::move(*planned));
  }

 private:
  std::optional<onednn::PlannedNetwork> take_planned() const {
    const std::lock_guard lock(mutex_);
    return std::exchange(planned_, std::nullopt);
  }

  std::shared_ptr<const ir::Graph> graph_;
  engine::SessionSettings settings_;
  mutable std::mutex mutex_;
  mutable std::optional<onednn::PlannedNetwork> planned_;
  std::int64_t bytes_;
};

class OnednnBackend final : public engine::Backend {
 public:
  std::string name() const override { return "onednn"; }
  std::string target() const override { return isa_name(); }
  bool uses_threads() const override { return true; }

  std::optional<std::string> refusal(const ir::Graph& graph) const override {
    for (const ir::Node& node : graph.nodes)
      if (auto reason = node_refusal(node)) return reason;
    const std::size_t dimensions = graph.output().output_shape.size();
    if (dimensions == 1 || dimensions == 2) return std::nullopt;
    return fmt::format("node {}: the network must end in [classes] or [tokens, classes]; it ends in {}",
                       graph.output().name, to_string(graph.output().output_shape));
  }

  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    if (onednn::Loss::knows(loss.name)) return std::nullopt;
    return fmt::format("loss {} has no onednn kernel", loss.name);
  }

  std::optional<std::string> precision_refusal(engine::Precision precision) const override {
    switch (precision) {
      case engine::Precision::kFloat32: return std::nullopt;
      case engine::Precision::kBFloat16:
        if (has_bfloat16()) return std::nullopt;
        return fmt::format("precision bf16 needs a processor with AVX512-BF16; this one has {}", isa_name());
      default: return "precision 16 is for GPUs; onednn computes with 32 and bf16";
    }
  }

  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    const auto reason = refusal(graph);
    LATHE_CHECK(!reason, "back end onednn was asked for a graph that it refuses: {}", *reason);
    return std::make_shared<OnednnNetwork>(std::make_shared<const ir::Graph>(graph), settings);
  }
};

}  // namespace

std::shared_ptr<const engine::Backend> make_onednn_backend() { return std::make_shared<OnednnBackend>(); }

}  // namespace lathe::backend
