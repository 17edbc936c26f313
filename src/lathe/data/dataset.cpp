#include "lathe/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

bool answers_to(const DatasetKind& kind, const std::string& name) {
  return kind.name == name || std::find(kind.aliases.begin(), kind.aliases.end(), name) != kind.aliases.end();
}

}  // namespace

std::shared_ptr<const Dataset> load_dataset(const DatasetRequest& request) {
  std::vector<std::string> known;
  for (const DatasetKind& kind : dataset_kinds()) {
    if (answers_to(kind, request.name)) return kind.load(request);
    known.push_back(kind.name);
  }
  throw UserError("dataset", fmt::format("unknown data set \"{}\"{}", request.name, suggestion(request.name, known)));
}

}  // namespace lathe::data
