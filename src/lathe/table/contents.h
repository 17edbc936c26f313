#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/parameter/space.h"

/// A search space that was trained in whole.
namespace lathe::table {

/// Says what was trained, on which rows and by what. Everything that the numbers depend on.
struct Facts {
  std::string model = {};
  std::string network = {};  ///< the base network, canonical text
  std::string runner = {};   ///< how candidates were trained and evaluated
  std::string weights = {};  ///< that training began from: `fresh seed=0`
  std::string dataset = {}, source = {};
  std::string notice = {};     ///< `These are simulated jets, not JSC.`; empty: none
  std::string data_hash = {};  ///< SHA-256 over the rows
  std::int64_t train_rows = 0, validation_rows = 0;
  std::uint64_t seed = 0;                 ///< of the study
  std::string backend = {}, target = {};  ///< `dense`, `AVX2`: what the bits depend on
  bool operator==(const Facts&) const = default;
};

/// Names one value that samplers see.
struct Objective {
  std::string name;
  Direction direction = Direction::kMaximize;
  bool operator==(const Objective&) const = default;
};

/// Holds a table: plain arrays, row-major. C candidates, S seeds, E epochs, L layers, O objectives.
struct Contents {
  Facts facts = {};
  parameter::Space space = {};
  std::vector<Objective> objectives = {};
  std::vector<std::string> layers = {};  ///< nodes that make new channels, in the order of the network
  std::int64_t seeds = 0;
  std::int64_t epochs = 0;  ///< points of the curves; the last one may be part of an epoch

  std::vector<parameter::Assignment> assignments = {};  ///< [C] the first of each candidate, in the order of places
  /// [places of the space] which candidate an assignment is: several may be one network. -1: an impossible one.
  std::vector<std::int32_t> candidate_of = {};
  std::vector<std::int32_t> widths = {};                    ///< [C, L] output channels
  std::vector<float> weight_bits = {}, data_bits = {};      ///< [C, L] of weights and of the layer's input; 32: float32
  std::map<std::string, std::vector<double>> costs = {};    ///< [C] by metric: known without training
  std::map<std::string, std::vector<double>> metrics = {};  ///< [C, S] by metric, at the end; NaN where it diverged
  std::vector<double> values = {};                          ///< [C, S, O] what samplers see; NaN where it diverged
  std::map<std::string, std::vector<float>> curves = {};    ///< [C, S, E] by name; NaN after a divergence
};

/// Names the curves of Contents.
inline constexpr const char* kTrainLoss = "train_loss";
inline constexpr const char* kValidationLoss = "validation_loss";
inline constexpr const char* kValidationAccuracy = "validation_accuracy";  ///< absent for regression

}  // namespace lathe::table
