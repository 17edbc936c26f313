#include "lathe/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/data/kinds.h"

namespace lathe::data {
namespace {

bool answers_to(const DatasetKind& kind, const std::string& name) {
  return kind.name == name || std::find(kind.aliases.begin(), kind.aliases.end(), name) != kind.aliases.end();
}

/// Tells a path from a misspelt name: it has a slash or an extension, or exists.
bool is_path(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code ignored;
  return name.find('/') != std::string::npos || path.has_extension() || std::filesystem::exists(path, ignored);
}

}  // namespace

std::string task_name(Task task) { return task == Task::kRegression ? "regression" : "classification"; }

std::shared_ptr<const Dataset> load_dataset(const DatasetRequest& request) {
  std::vector<std::string> known;
  for (const DatasetKind& kind : dataset_kinds()) {
    if (answers_to(kind, request.name)) return kind.load(request);
    known.push_back(kind.name);
  }
  if (is_path(request.name)) return arrays_kind().load(request);
  throw UserError("dataset", fmt::format("unknown data set \"{}\"{}", request.name, suggestion(request.name, known)));
}

}  // namespace lathe::data
