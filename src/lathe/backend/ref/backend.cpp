#include <fmt/format.h>

#include "lathe/backend/ref/kernel.h"
#include "lathe/backend/ref/loss.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/backend/ref/session.h"
#include "lathe/base/check.h"

namespace lathe::backend {
namespace {

class RefNetwork final : public engine::CompiledNetwork {
 public:
  RefNetwork(const ir::Graph& graph, const engine::SessionSettings& settings)
      : graph_(std::make_shared<const ir::Graph>(graph)), settings_(settings) {}
  std::int64_t session_bytes() const override { return ref::RefSession::bytes(*graph_, settings_); }
  std::unique_ptr<engine::Session> make_session() const override {
    return std::make_unique<ref::RefSession>(graph_, settings_);
  }

 private:
  std::shared_ptr<const ir::Graph> graph_;
  engine::SessionSettings settings_;
};

class RefBackend final : public engine::Backend {
 public:
  std::string name() const override { return "ref"; }
  std::string target() const override { return {}; }

  std::optional<std::string> refusal(const ir::Graph& graph) const override {
    for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
      const ir::Node& node = graph.nodes[i];
      if (ref::find_kernel(node.op) == nullptr)
        return fmt::format("node {}: op {} has no reference kernel", node.name, node.op);
    }
    if (graph.output().output_shape.size() > 2)
      return fmt::format("node {}: the network must end in [classes] or [tokens, vocabulary]; it ends in {}",
                         graph.output().name, to_string(graph.output().output_shape));
    return std::nullopt;
  }

  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    if (ref::find_loss_kernel(loss.name) != nullptr) return std::nullopt;
    return fmt::format("loss {} has no reference kernel", loss.name);
  }

  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    const auto reason = refusal(graph);
    LATHE_CHECK(!reason, "back end ref was asked for a graph that it refuses: {}", *reason);
    return std::make_shared<RefNetwork>(graph, settings);
  }
};

}  // namespace

std::shared_ptr<const engine::Backend> make_ref_backend() { return std::make_shared<RefBackend>(); }

}  // namespace lathe::backend
