#include <cstdio>

#include "lathe/ir/analysis/costs.h"
#include "lathe/model/zoo.h"

// Uses the installed library as a stranger would.
int main() {
  const lathe::ir::Graph graph = lathe::model::make_model("jsc-tiny", {.input_shape = {16}, .classes = 5});
  const lathe::ir::GraphCosts costs = lathe::ir::costs(graph, 1);
  std::printf("%s has %lld parameters\n", graph.name.c_str(), static_cast<long long>(costs.total.parameters));
}
