#include <optional>
#include <string>

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/dense/plan.h"
#include "lathe/backend/dense/session.h"

namespace lathe::backend {
namespace {

class DenseBackend final : public engine::Backend {
 public:
  std::string name() const override { return "dense"; }
  std::string target() const override { return dense::best_kernels().target; }
  std::optional<std::string> refusal(const ir::Graph& graph) const override { return dense::find_refusal(graph); }
  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    return dense::find_loss_refusal(loss);
  }
  std::int64_t planned_bytes(const ir::Graph& graph, const engine::SessionSettings& settings) const override {
    dense::Program program = dense::compile(graph, dense::best_kernels().lanes);
    program.loss = dense::compile_loss(settings.loss, program.classes);
    return dense::SessionMemory::bytes(program, dense::tile_count(settings.batch_size), settings.training);
  }
  std::unique_ptr<engine::Session> make_session(const ir::Graph& graph,
                                                const engine::SessionSettings& settings) const override {
    return std::make_unique<dense::DenseSession>(graph, settings, dense::best_kernels());
  }
};

}  // namespace

std::shared_ptr<const engine::Backend> make_dense_backend() { return std::make_shared<DenseBackend>(); }

}  // namespace lathe::backend
