#pragma once

#include <memory>

#include "lathe/app/inputs.h"
#include "lathe/app/request.h"
#include "lathe/engine/backend.h"

/// Trained weights on the test rows: what `lathe test` does, for any program.
namespace lathe::app {

struct TestResult {
  StartingPoint network;
  std::shared_ptr<const data::Dataset> dataset;
  std::shared_ptr<const engine::Backend> backend;
  engine::EvaluationResult evaluation;  ///< over all test rows; scores() names its figures
};

/// Evaluates the weights that a request loads on the test rows of its data set. Writes nothing. Throws UserError where
/// there are no weights to load or the network does not fit, DataError where there are no test rows or the weights give
/// outputs that are not finite.
TestResult test_network(const Request& request);

}  // namespace lathe::app
