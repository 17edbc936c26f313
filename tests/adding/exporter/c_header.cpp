#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "lathe/app/exporter.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"

namespace lathe::app {
namespace {

// Every weight is written as it is, without its number format.
void check(const ir::Graph& graph) {
  for (const ir::Node& node : graph.nodes)
    if (node.op == "quantize")
      throw UnsupportedError(
          fmt::format("node {}: c-header holds float32 values; it has no number formats", node.name));
}

std::string identifier(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
  return name;
}

bool write(const OutgoingNetwork& network, const std::filesystem::path& path) {
  std::string text = fmt::format("/* Weights of {}, row-major. */\n#pragma once\n", network.graph.name);
  for (const engine::NamedTensor& tensor : network.state) {
    if (tensor.values.empty()) continue;
    std::string values;
    for (const float value : tensor.values) values += fmt::format("{}{:#}f", values.empty() ? "" : ", ", value);
    text += fmt::format("/* {} [{}] */\nstatic const float {}[{}] = {{{}}};\n", tensor.name,
                        fmt::join(tensor.shape, ", "), identifier(tensor.name), tensor.values.size(), values);
  }
  write_text_file_atomically(path, text);
  return false;
}

}  // namespace

// Declares a C header with the weights as arrays, for firmware that has layers of its own.
Exporter c_header_exporter() {
  return {.name = "c-header", .suffix = ".h", .help = "the weights as arrays of C", .check = check, .write = write};
}

}  // namespace lathe::app
