#include "lathe/trial/base_weights.h"

#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"

namespace lathe::trial {
namespace {

// The fact of the file that names the training that made it.
constexpr const char* kKey = "base.key";

// Reads the weights that an earlier search kept; null where there are none, with a warning where they are of no use.
std::shared_ptr<const engine::State> read_kept(const std::filesystem::path& path, const Prepared& base) {
  if (path.empty()) return nullptr;
  try {
    if (!path_exists(path)) return nullptr;
    checkpoint::LoadedModel loaded = checkpoint::load_model(path);
    if (loaded.facts[kKey] != base.key.to_hex()) throw DataError(path.string(), "is of another training");
    engine::check_state(base.candidate.graph, loaded.state, path.string());
    log::info("Weights of the base network from {}", path.string());
    return std::make_shared<const engine::State>(std::move(loaded.state));
  } catch (const Error& error) {
    log::warning("left out, the base network is trained anew: {}", error.what());
  }
  return nullptr;
}

std::string score_text(const Evaluation& evaluation) {
  for (const char* name : {"accuracy", "loss"}) {
    const auto found = evaluation.metrics.find(name);
    if (found != evaluation.metrics.end()) return fmt::format("{} {:.4f} on the evaluated rows", name, found->second);
  }
  return "trained";
}

}  // namespace

std::shared_ptr<const engine::State> train_base_weights(Evaluator& evaluator, const std::filesystem::path& folder,
                                                        const engine::StopToken& stop) {
  const Prepared base = evaluator.preparer().base();
  const std::filesystem::path path =
      folder.empty() ? folder : folder / fmt::format("base_{}.safetensors", base.key.to_hex().substr(0, 16));
  if (auto kept = read_kept(path, base)) return kept;
  log::info("Training the base network, whose weights the candidates begin from...");
  const Evaluation evaluation = evaluator.evaluate(base, 0, stop);
  if (evaluation.interrupted) return nullptr;
  if (!evaluation.complete) {
    throw UserError("weights", fmt::format("the base network, whose weights candidates begin from, could not be "
                                           "trained: {}",
                                           evaluation.reason));
  }
  log::info("Base network: {}, {:.1f} s", score_text(evaluation), evaluation.wall_seconds);
  if (!path.empty()) {
    checkpoint::Facts facts = checkpoint::data_facts(evaluator.runner().dataset());
    facts[kKey] = base.key.to_hex();
    make_directories(folder);
    checkpoint::save_model(path, base.candidate.graph, *evaluation.state, facts);
  }
  return evaluation.state;
}

}  // namespace lathe::trial
