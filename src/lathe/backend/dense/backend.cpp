#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/dense/plan.h"
#include "lathe/backend/dense/session.h"

namespace lathe::backend {
namespace {

class DenseNetwork final : public engine::CompiledNetwork {
 public:
  explicit DenseNetwork(std::shared_ptr<const dense::Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::int64_t session_bytes() const override {
    const engine::SessionSettings& settings = compiled_->settings;
    return dense::SessionMemory::bytes(compiled_->program, dense::tile_count(settings.batch_size), settings.training);
  }
  std::unique_ptr<engine::Session> make_session() const override {
    return std::make_unique<dense::DenseSession>(compiled_);
  }

 private:
  std::shared_ptr<const dense::Compiled> compiled_;
};

class DenseBackend final : public engine::Backend {
 public:
  std::string name() const override { return "dense"; }
  std::string target() const override { return dense::best_kernels().target; }
  std::optional<std::string> refusal(const ir::Graph& graph) const override { return dense::find_refusal(graph); }
  std::optional<std::string> loss_refusal(const engine::LossSettings& loss) const override {
    return dense::find_loss_refusal(loss);
  }
  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    return std::make_shared<DenseNetwork>(
        std::make_shared<const dense::Compiled>(graph, settings, dense::best_kernels()));
  }
};

}  // namespace

std::shared_ptr<const engine::Backend> make_dense_backend() { return std::make_shared<DenseBackend>(); }

}  // namespace lathe::backend
