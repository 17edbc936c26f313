#include "lathe/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <string_view>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/checkpoint/checksum.h"
#include "lathe/checkpoint/file_kind.h"
#include "lathe/checkpoint/safetensors.h"
#include "lathe/checkpoint/tensors.h"
#include "lathe/checkpoint/torch_file.h"
#include "lathe/engine/state_layout.h"

namespace lathe::checkpoint {
namespace {

constexpr const char* kFormatKey = "lathe.format";
constexpr const char* kGraphKey = "lathe.graph";
constexpr const char* kNameKey = "lathe.model";

// PyTorch's files are state dicts: tensors without metadata.
SafetensorsFile read_tensors(const std::filesystem::path& path) {
  const PathKind there = path_kind(path);
  if (there == PathKind::kAbsent) throw DataError(path.string(), "no such model file");
  if (there == PathKind::kFolder) throw DataError(path.string(), "is a folder, not a model file");
  const std::vector<std::byte> bytes = read_file(path);
  const FileKind kind = detect_file_kind(bytes);
  const std::string advice = conversion_advice(kind, path);
  if (!advice.empty()) throw DataError(path.string(), advice);
  if (kind == FileKind::kTorchZip) return {read_torch_file(bytes, path.string()), {}};
  return parse_safetensors(bytes, path.string());
}

void check_version(const std::string& text, const std::string& path) {
  int version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1)
    throw DataError(path, fmt::format("format version \"{}\" is not a number", text));
  if (version > kFormatVersion)
    throw DataError(path, fmt::format("format version {} is newer than this lathe reads ({}); use a newer lathe",
                                      version, kFormatVersion));
}

ir::Graph read_graph(const Facts& metadata, const std::string& path) {
  const auto text = metadata.find(kGraphKey);
  if (text == metadata.end()) throw DataError(path, "the network's description is missing");
  try {
    return ir::parse_text(text->second);
  } catch (const UserError& error) {
    throw DataError(path, fmt::format("the network's description cannot be read: {}", error.what()));
  }
}

// Refuses a description that needs far more values than the file holds, before memory is taken for them.
void check_size(const ir::Graph& graph, const SafetensorsFile& file, const std::string& path) {
  constexpr double kAlwaysTaken = 1 << 26;
  double needed = 0, held = 0;
  for (const ir::Node& node : graph.nodes)
    for (const ir::Parameter& parameter : node.parameters)
      needed += std::accumulate(parameter.shape.begin(), parameter.shape.end(), 1.0, std::multiplies<>());
  for (const StoredTensor& tensor : file.tensors) held += static_cast<double>(tensor.bytes.size());
  if (needed > kAlwaysTaken && needed > held)
    throw DataError(path, fmt::format("the network that it describes has {:.0f} values; its tensors hold {:.0f} bytes",
                                      needed, held));
}

// Refuses parameters that the file ties to each other: trained here they would part.
void refuse_tied(const engine::State& expected, const std::map<std::string_view, const StoredTensor*>& stored,
                 const std::string& path) {
  std::set<std::string_view> trained;
  for (const engine::NamedTensor& tensor : expected)
    if (tensor.trainable && stored.contains(tensor.name)) trained.insert(tensor.name);
  for (const std::string_view name : trained) {
    const std::string& other = stored.at(name)->tied_to;
    if (!trained.contains(other)) continue;
    throw DataError(path,
                    fmt::format("{} and {} are one parameter (tied weights), which lathe would train as two; save "
                                "copies of them (tensor.clone()) if they may differ",
                                other, name));
  }
}

// Takes the file's tensors named prefix + NAME as a state: those of the graph first, in its order, then what is left,
// so that check_state names whatever is missing or too many.
engine::State read_state(const SafetensorsFile& file, const std::string& prefix, const ir::Graph& graph,
                         const std::string& path) {
  engine::State state;
  check_size(graph, file, path);
  std::map<std::string_view, const StoredTensor*> left;
  for (const StoredTensor& stored : file.tensors)
    if (stored.name.starts_with(prefix)) left.emplace(std::string_view(stored.name).substr(prefix.size()), &stored);
  const engine::State expected = engine::state_layout(graph);
  refuse_tied(expected, left, path);
  for (const engine::NamedTensor& tensor : expected) {
    const auto stored = left.find(tensor.name);
    if (stored != left.end())
      state.push_back(
          {tensor.name, stored->second->shape, float_values(*stored->second, path), tensor.trainable, tensor.integral});
    else if (tensor.integral)
      state.push_back({tensor.name, tensor.shape, {0}, tensor.trainable, tensor.integral});
    if (stored != left.end()) left.erase(stored);
  }
  for (const auto& [name, stored] : left) state.push_back({std::string(name), stored->shape, {}, false, false});
  engine::check_state(graph, state, path);
  return state;
}

void append_state(const engine::State& state, const std::string& prefix, SafetensorsFile& file) {
  for (const engine::NamedTensor& tensor : state) file.tensors.push_back(store_tensor(prefix + tensor.name, tensor));
}

Facts own_facts(const Facts& metadata) {
  Facts facts;
  for (const auto& [name, value] : metadata)
    if (!name.starts_with("lathe.")) facts[name] = value;
  return facts;
}

}  // namespace

void save_model(const std::filesystem::path& path, const ir::Graph& graph, const engine::State& state,
                const Facts& facts) {
  SafetensorsFile file;
  append_state(state, "", file);
  file.metadata = facts;
  file.metadata[kFormatKey] = fmt::format("{}", kFormatVersion);
  file.metadata[kNameKey] = graph.name;
  file.metadata[kGraphKey] = ir::to_text(graph);
  add_checksum(file);
  write_safetensors(path, file);
}

Facts load_facts(const std::filesystem::path& path) { return own_facts(read_tensors(path).metadata); }

LoadedModel load_model(const std::filesystem::path& path, const ir::Graph* model) {
  const SafetensorsFile file = read_tensors(path);
  LoadedModel loaded;
  if (const auto version = file.metadata.find(kFormatKey); version != file.metadata.end()) {
    check_version(version->second, path.string());
    check_checksum(file, path.string());
    loaded.graph = read_graph(file.metadata, path.string());
    loaded.own_graph = true;
  } else if (model != nullptr) {
    loaded.graph = *model;
  } else {
    throw DataError(path.string(),
                    "holds weights without a network (not written by lathe); name the model that they belong to");
  }
  loaded.state = read_state(file, "", loaded.graph, path.string());
  loaded.facts = own_facts(file.metadata);
  return loaded;
}

}  // namespace lathe::checkpoint
