#include "lathe/space/candidate_key.h"

namespace lathe::space {

Digest candidate_key(const ir::Graph& graph, std::string_view runner, std::string_view weights, std::string_view data,
                     std::string_view backend) {
  Hasher hasher;
  hasher.add_text("lathe candidate 1");
  hasher.add_text(ir::to_text(graph, false));
  for (const std::string_view part : {runner, weights, data, backend}) hasher.add_text(part);
  return hasher.finish();
}

}  // namespace lathe::space
