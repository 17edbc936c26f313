#include "lathe/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

/// Tells a path from a misspelt name: it has a slash or an extension, or exists.
bool is_path(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code ignored;
  return name.find('/') != std::string::npos || path.has_extension() || std::filesystem::exists(path, ignored);
}

}  // namespace

std::string task_name(Task task) { return task == Task::kRegression ? "regression" : "classification"; }

Layout layout_named(const std::string& name) {
  if (name == "auto") return Layout::kAuto;
  if (name == "channels_first") return Layout::kChannelsFirst;
  if (name == "channels_last") return Layout::kChannelsLast;
  throw UserError("layout", fmt::format("must be auto, channels_first or channels_last; got \"{}\"", name));
}

void refuse_label(const DatasetRequest& request) {
  if (request.task == Task::kClassification && !request.targets.empty()) {
    throw UserError("targets", fmt::format("chooses the columns that task = \"regression\" predicts, or the column of "
                                           "the classes of a table; the classes of data set {} are not in a column",
                                           request.name));
  }
  if (request.label.empty()) return;
  throw UserError("label", fmt::format("chooses the column of the classes of a table (.csv, .tsv, .arff); the classes "
                                       "of data set {} are not in a column",
                                       request.name));
}

void refuse_layout(const DatasetRequest& request) {
  if (request.layout == Layout::kAuto) return;
  throw UserError(
      "layout", fmt::format("is of arrays of images and sequences (.npy, .npz); data set {} holds none", request.name));
}

std::shared_ptr<const Dataset> load_dataset(const DatasetRequest& request) {
  const DatasetKind* kind = dataset_kinds().find(request.name);
  if (kind == nullptr && is_path(request.name)) return dataset_kinds().at("arrays").load(request);
  if (kind == nullptr) throw UserError("dataset", dataset_kinds().unknown(request.name));
  if (kind->width > 0) {
    refuse_label(request);
    refuse_layout(request);
  }
  return kind->load(request);
}

}  // namespace lathe::data
