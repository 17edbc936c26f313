#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

namespace lathe::onnx::testing {

/// Holds a network with weights.
struct Model {
  ir::Graph graph;
  engine::State state;
};

/// Makes a network of the zoo for its usual data (`transformer-tiny:lm`: for language modelling), with weights and
/// statistics that are no defaults.
Model zoo_model(const std::string& name);
/// Gives statistics and biases values that are no defaults, a function of the seed.
engine::State filled_state(const ir::Graph& graph, std::uint64_t seed);
/// Puts number formats on every node that can have them; widths up to `most_bits`, fractions that fit the weights.
Model quantised(const Model& model, std::int64_t most_bits);
/// Gives the quantisers of a quantised network 8 bits with real scales and zero points, and its weights a scale for
/// each output channel.
Model with_scales(const Model& model, bool odd_zero_points = false);

/// Makes `rows` rows for a network: tokens where an embedding reads them, else normal numbers in steps of 1/64.
std::vector<float> example_rows(const ir::Graph& graph, std::int64_t rows, std::uint64_t seed);
/// Runs a network in evaluation mode with the reference back end: [rows, outputs].
std::vector<float> predict(const Model& model, const std::vector<float>& rows);

/// Returns the largest |a - b| / max(1, |b|); infinity where the lengths differ.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);

std::vector<float> read_floats(const std::filesystem::path& path);
void write_floats(const std::filesystem::path& path, const std::vector<float>& values);

/// Runs /usr/bin/python3 with a script of tests/onnx; true when it has the modules (`onnx`, `torch.onnx`).
bool python_has(const std::string& modules);
std::string script(const std::string& name);

}  // namespace lathe::onnx::testing
