#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "lathe/engine/state.h"
#include "lathe/engine/train.h"
#include "lathe/ir/graph.h"

namespace lathe::checkpoint {

/// Holds facts about a model file beside its weights, by name: "data.fingerprint", "settings", "seed", ... The names
/// under "lathe." are the format's own.
using Facts = std::map<std::string, std::string>;

/// Holds what a model file gives.
struct LoadedModel {
  ir::Graph graph;         ///< the file's own, or the one the user named (plain state dict)
  engine::State state;     ///< in graph order, checked against the graph
  Facts facts;             ///< empty for a plain state dict
  bool own_graph = false;  ///< true: the file is a lathe checkpoint and brought its graph
};

/// Version of the layout written into `__metadata__` as "lathe.format". Readers accept this one and older ones.
inline constexpr int kFormatVersion = 1;

/// Writes a model file, atomically: one safetensors file with the weights under the state-dict names of the same
/// PyTorch network (float32; num_batches_tracked int64), so that load_state_dict(strict=True) takes them, and in
/// `__metadata__` "lathe.format", "lathe.graph" (ir::to_text) and the facts. Throws SystemError.
void save_model(const std::filesystem::path& path, const ir::Graph& graph, const engine::State& state,
                const Facts& facts);

/// Reads a model file; its content decides what it is, no `load_type` is needed. A lathe checkpoint brings its own
/// graph. A plain safetensors file, or one of torch.save (torch_file.h), is a state dict of `model` (names and shapes
/// must match; float16, bfloat16, float64 and integers are converted; a missing num_batches_tracked is 0). Throws
/// DataError: absent, another file (with the command that converts it), damaged, a newer format, tensors that do not
/// fit, no `model` for a plain state dict.
LoadedModel load_model(const std::filesystem::path& path, const ir::Graph* model = nullptr);

/// Reads the facts of a model file alone; none where it is no lathe checkpoint. Throws DataError as load_model where
/// the file itself cannot be read.
Facts load_facts(const std::filesystem::path& path);

/// Holds everything that a run needs to continue bit-identically.
struct TrainingState {
  engine::State weights;
  engine::State optimizer;  ///< Session::optimizer_state
  engine::ResumePoint point;
  Facts identity;  ///< what must be the same when the run continues: settings, graph, data, back end, seed
};

/// Writes a training state, atomically, as a safetensors file of its own (beside the model file, which stays loadable
/// by load_state_dict): tensors `model.NAME`, `optimizer.NAME`, `best.NAME` and `history` (float64 [rows, 7], NaN: not
/// taken), numbers in `__metadata__`. Throws SystemError.
void save_training_state(const std::filesystem::path& path, const TrainingState& training);
/// Reads a training state for a run of `graph`. Throws DataError: absent, damaged, not of this graph.
TrainingState load_training_state(const std::filesystem::path& path, const ir::Graph& graph);

}  // namespace lathe::checkpoint
