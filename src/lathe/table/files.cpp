#include "lathe/table/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/data/npz.h"
#include "lathe/table/document.h"

namespace lathe::table {
namespace {

using data::NamedArray;
using data::NpyArray;

constexpr const char* kCost = "cost_";
constexpr const char* kMetric = "metric_";

struct Extents {
  std::int64_t candidates, seeds, epochs, layers, objectives, parameters, places;
};

Extents extents_of(const Contents& contents, std::int64_t candidates) {
  return {.candidates = candidates,
          .seeds = contents.seeds,
          .epochs = contents.epochs,
          .layers = static_cast<std::int64_t>(contents.layers.size()),
          .objectives = static_cast<std::int64_t>(contents.objectives.size()),
          .parameters = static_cast<std::int64_t>(contents.space.parameters().size()),
          .places = static_cast<std::int64_t>(contents.space.count().value_or(0))};
}

/// Collects the arrays with their descriptions.
class Collection {
 public:
  template <typename Number>
  void add(std::string name, Shape shape, const std::vector<Number>& values, std::string meaning) {
    const char* type = std::is_same_v<Number, double> ? "float64" : std::is_same_v<Number, float> ? "float32" : "int32";
    descriptions.push_back({name, type, shape, std::move(meaning)});
    arrays.push_back({std::move(name), NpyArray::of<Number>(std::move(shape), values)});
  }

  std::vector<NamedArray> arrays;
  std::vector<ArrayDescription> descriptions;
};

std::vector<std::int32_t> codes_of(const Contents& contents) {
  std::vector<std::int32_t> codes;
  for (const parameter::Assignment& assignment : contents.assignments) {
    for (const double code : assignment) {
      codes.push_back(code == parameter::kInactive ? -1 : static_cast<std::int32_t>(code));
    }
  }
  return codes;
}

Collection collect(const Contents& contents) {
  const Extents n = extents_of(contents, static_cast<std::int64_t>(contents.assignments.size()));
  Collection all;
  all.add("codes", {n.candidates, n.parameters}, codes_of(contents),
          "[candidate, parameter] index of the value among the parameter's, ascending; -1: it does not exist here");
  all.add("candidate_of", {n.places}, contents.candidate_of,
          "[assignment in lexicographic order] its candidate: several may be one network; -1: impossible");
  all.add("widths", {n.candidates, n.layers}, contents.widths, "[candidate, layer] output channels");
  all.add("weight_bits", {n.candidates, n.layers}, contents.weight_bits, "[candidate, layer] 32: float32");
  all.add("data_bits", {n.candidates, n.layers}, contents.data_bits, "[candidate, layer] of its input; 32: float32");
  for (const auto& [name, values] : contents.costs) {
    all.add(kCost + name, {n.candidates}, values, "[candidate] known without training");
  }
  for (const auto& [name, values] : contents.metrics) {
    all.add(kMetric + name, {n.candidates, n.seeds}, values, "[candidate, seed] at the end; NaN where it diverged");
  }
  all.add("values", {n.candidates, n.seeds, n.objectives}, contents.values,
          "[candidate, seed, objective] scaled, as samplers see them");
  for (const auto& [name, values] : contents.curves) {
    all.add(name, {n.candidates, n.seeds, n.epochs}, values, "[candidate, seed, epoch] after each epoch");
  }
  return all;
}

/// Hands out the arrays of a file, each of the shape that the document asks for.
class Arrays {
 public:
  Arrays(std::vector<NamedArray> arrays, std::string path) : arrays_(std::move(arrays)), path_(std::move(path)) {}

  std::int64_t candidates() const {
    const NpyArray& codes = get("codes");
    if (codes.shape.size() != 2) wrong("codes", codes.shape, {-1, -1});
    return codes.shape.front();
  }
  std::vector<double> doubles(const std::string& name, const Shape& shape) const {
    return get(name, shape).to_doubles();
  }
  std::vector<float> floats(const std::string& name, const Shape& shape) const { return get(name, shape).to_floats(); }
  std::vector<std::int32_t> integers(const std::string& name, const Shape& shape) const {
    const std::vector<std::int64_t> wide = get(name, shape).to_integers();
    return {wide.begin(), wide.end()};
  }
  [[noreturn]] void fail(const std::string& why) const { throw DataError(path_, why); }

 private:
  const NpyArray& get(const std::string& name) const {
    const NpyArray* array = data::find_array(arrays_, name);
    if (array == nullptr) fail(fmt::format("lacks the array {} that its document names", name));
    return *array;
  }
  const NpyArray& get(const std::string& name, const Shape& shape) const {
    const NpyArray& array = get(name);
    if (array.shape != shape) wrong(name, array.shape, shape);
    return array;
  }
  [[noreturn]] void wrong(const std::string& name, const Shape& found, const Shape& expected) const {
    fail(fmt::format("its array {} has shape {}; its document says {}", name, to_string(found), to_string(expected)));
  }

  std::vector<NamedArray> arrays_;
  std::string path_;
};

std::vector<parameter::Assignment> assignments_of(const std::vector<std::int32_t>& codes, const Contents& contents,
                                                  const Arrays& arrays) {
  const std::size_t width = contents.space.parameters().size();
  std::vector<parameter::Assignment> assignments;
  for (std::size_t at = 0; at < codes.size(); at += width) {
    parameter::Assignment assignment;
    for (std::size_t i = 0; i < width; ++i) {
      assignment.push_back(codes[at + i] < 0 ? parameter::kInactive : static_cast<double>(codes[at + i]));
    }
    if (!contents.space.contains(assignment)) {
      arrays.fail(fmt::format("the codes of candidate {} are not of the space in its document", at / width));
    }
    assignments.push_back(std::move(assignment));
  }
  return assignments;
}

void check_places(const Contents& contents, const Arrays& arrays) {
  const auto candidates = static_cast<std::int32_t>(contents.assignments.size());
  for (const std::int32_t candidate : contents.candidate_of) {
    if (candidate < -1 || candidate >= candidates) arrays.fail(fmt::format("names a candidate {}", candidate));
  }
}

std::string sha256_of(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish().to_hex();
}

Contents filled(Document document, const Arrays& arrays) {
  Contents& contents = document.contents;
  if (!contents.space.count() || contents.space.parameters().empty()) arrays.fail("its space is not finite");
  if (arrays.candidates() < 1) arrays.fail("holds no candidates");
  const Extents n = extents_of(contents, arrays.candidates());
  contents.assignments = assignments_of(arrays.integers("codes", {n.candidates, n.parameters}), contents, arrays);
  contents.candidate_of = arrays.integers("candidate_of", {n.places});
  check_places(contents, arrays);
  contents.widths = arrays.integers("widths", {n.candidates, n.layers});
  contents.weight_bits = arrays.floats("weight_bits", {n.candidates, n.layers});
  contents.data_bits = arrays.floats("data_bits", {n.candidates, n.layers});
  for (const std::string& name : document.costs) contents.costs[name] = arrays.doubles(kCost + name, {n.candidates});
  for (const std::string& name : document.metrics) {
    contents.metrics[name] = arrays.doubles(kMetric + name, {n.candidates, n.seeds});
  }
  contents.values = arrays.doubles("values", {n.candidates, n.seeds, n.objectives});
  for (const std::string& name : document.curves) {
    contents.curves[name] = arrays.floats(name, {n.candidates, n.seeds, n.epochs});
  }
  return std::move(contents);
}

}  // namespace

Files files_of(const std::filesystem::path& name) {
  std::filesystem::path stem = name;
  if (stem.extension() == ".npz" || stem.extension() == ".json") stem.replace_extension();
  return {stem.string() + ".npz", stem.string() + ".json"};
}

Encoded encode(const Contents& contents) {
  const Collection all = collect(contents);
  std::vector<std::byte> arrays = data::npz_bytes(all.arrays);
  std::string document = document_of(contents, all.descriptions, sha256_of(arrays));
  return {std::move(arrays), std::move(document)};
}

Digest plan_digest(const Contents& contents) {
  Contents plan = contents;
  plan.metrics.clear();
  plan.curves.clear();
  Hasher hasher;
  hasher.add_text(document_of(plan, {}, {}));
  const auto add = [&](const auto& values) { hasher.add(std::as_bytes(std::span(values))); };
  add(codes_of(plan));
  add(plan.candidate_of);
  add(plan.widths);
  add(plan.weight_bits);
  add(plan.data_bits);
  for (const auto& [name, values] : plan.costs) add(values);
  return hasher.finish();
}

void write_table(const Contents& contents, const std::filesystem::path& name) {
  const Files files = files_of(name);
  const Encoded encoded = encode(contents);
  write_file_atomically(files.arrays, encoded.arrays);
  write_text_file_atomically(files.document, encoded.document);
}

Contents read_table(const std::filesystem::path& name) {
  const Files files = files_of(name);
  Document document = parse_document(read_text_file(files.document), files.document.string());
  const std::string bytes = read_text_file(files.arrays);
  if (sha256_of(std::as_bytes(std::span(bytes))) != document.arrays_sha256) {
    throw DataError(files.arrays.string(), fmt::format("is not the file that {} was written with (its SHA-256 differs)",
                                                       files.document.string()));
  }
  return filled(std::move(document), Arrays(data::read_npz(files.arrays), files.arrays.string()));
}

}  // namespace lathe::table
