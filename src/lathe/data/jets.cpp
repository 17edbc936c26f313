#include "lathe/data/jets.h"

#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/data/array_files.h"
#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFeatures = 16;
constexpr std::int64_t kClasses = 5;

std::vector<std::string> read_exactly(const fs::path& path, std::int64_t count) {
  std::vector<std::string> names = read_names(path);
  if (static_cast<std::int64_t>(names.size()) != count) {
    throw DataError(path.string(), fmt::format("has {} names; expected {}", names.size(), count));
  }
  return names;
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request) {
  const std::vector<SearchPlace> places = search_places(request);
  const std::optional<fs::path> folder = find_jets(places);
  if (!folder) {
    throw absent_dataset(request,
                         "a folder with feature_names.txt, class_names.txt, X_train.npy, y_train.npy, X_test.npy "
                         "and y_test.npy, or one named jets with these",
                         "");
  }
  RawDataset raw = read_jets(*folder);
  raw.name = "jets";
  return prepare(std::move(raw), request);
}

}  // namespace

bool is_jets_folder(const fs::path& folder) {
  for (const char* name :
       {"feature_names.txt", "class_names.txt", "X_train.npy", "y_train.npy", "X_test.npy", "y_test.npy"}) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder / name, ignored)) return false;
  }
  return true;
}

std::optional<fs::path> find_jets(std::span<const SearchPlace> places) {
  for (const SearchPlace& place : places) {
    for (const fs::path& folder : {place.path, place.path / "jets"}) {
      if (is_jets_folder(folder)) return folder;
    }
  }
  return std::nullopt;
}

RawDataset read_jets(const fs::path& folder) {
  const std::optional<ArrayFolder> files = find_arrays(folder);
  if (!files) throw DataError(folder.string(), "has no X_train.npy");
  RawDataset raw = read_arrays(*files, {.width = kFeatures, .classes = kClasses},
                               read_exactly(folder / "feature_names.txt", kFeatures),
                               read_exactly(folder / "class_names.txt", kClasses));
  std::error_code ignored;
  const bool bundled = fs::equivalent(folder, bundled_jets_folder(), ignored);
  raw.source = bundled ? "simulated jets (lathe jets, bundled sample)" : "simulated jets (lathe jets)";
  return raw;
}

DatasetKind jets_kind() {
  return {.name = "jets",
          .aliases = {},
          .description = "the project's simulated jets: 16 features, classes g q w z t; a sample is bundled (not JSC)",
          .width = kFeatures,
          .classes = kClasses,
          .url = {},
          .file_name = {},
          .load = load};
}

}  // namespace lathe::data
