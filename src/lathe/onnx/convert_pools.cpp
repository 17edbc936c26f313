#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"
#include "lathe/onnx/numbers.h"

namespace lathe::onnx {
namespace {

/// Holds the window of a pooling node.
struct Window {
  Shape kernel, stride, padding;
  bool ceil_mode = false;
};

/// Tells whether more padding at the end stands for ceil_mode, as PyTorch writes it up to opset 9.
bool is_ceil_mode(const Shape& from, const Window& window, const Shape& end) {
  if (end == window.padding) return false;
  for (std::size_t i = 0; i < end.size(); ++i) {
    const std::int64_t kernel = window.kernel[i], stride = window.stride[i], padding = window.padding[i];
    if (kernel < 1 || stride < 1 || padding < 0 || end[i] < padding || end[i] >= padding + stride) return false;
    const std::int64_t open = from[i + 1] + 2 * padding - kernel;
    if (open < 0 || (from[i + 1] + padding + end[i] - kernel) / stride != (open + stride - 1) / stride) return false;
  }
  return true;
}

Window window_of(const GraphReader& reader, const OnnxNode& node) {
  Window window;
  window.kernel = checked_sizes(node.integers("kernel_shape", {}), 1, "kernel_shape");
  const std::size_t dimensions = window.kernel.size();
  if (dimensions < 1 || dimensions > 2 || reader.shape(node, 0).size() != dimensions + 1)
    reader.refuse(node, fmt::format("a window of {} dimensions over {}", dimensions, to_string(reader.shape(node, 0))));
  window.stride = checked_sizes(node.integers("strides", Shape(dimensions, 1)), 1, "strides");
  window.ceil_mode = node.integer("ceil_mode", 0) != 0;
  const std::string automatic = node.text("auto_pad", "NOTSET");
  const Shape pads = checked_sizes(node.integers("pads", Shape(2 * dimensions, 0)), 0, "pads");
  if (pads.size() != 2 * dimensions || window.stride.size() != dimensions)
    throw DataError("strides or pads do not fit the kernel");
  window.padding.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(dimensions));
  const Shape end(pads.begin() + static_cast<std::ptrdiff_t>(dimensions), pads.end());
  if (is_ceil_mode(reader.shape(node, 0), window, end))
    window.ceil_mode = true;
  else if (end != window.padding || (automatic != "NOTSET" && automatic != "VALID"))
    reader.refuse(node, "padding that differs at the two ends, or auto_pad");
  for (const std::int64_t dilation : node.integers("dilations", {}))
    if (dilation != 1) reader.refuse(node, "dilations above 1");
  return window;
}

std::string with_dimensions(const std::string& op, std::size_t dimensions) {
  return fmt::format("{}{}d", op, dimensions);
}

void emit_pool(GraphReader& reader, const OnnxNode& node, const std::string& op, const Window& window,
               std::size_t input, std::vector<ir::Attribute> more = {}) {
  const Shape none(window.kernel.size(), 0);  // steps of the window's own extent, as the zoo writes them
  std::vector<ir::Attribute> attributes = {{"kernel_size", window.kernel},
                                           {"stride", window.stride == window.kernel ? none : window.stride},
                                           {"padding", window.padding},
                                           {"ceil_mode", window.ceil_mode}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  reader.emit(node, with_dimensions(op, window.kernel.size()), std::move(attributes), {input});
}

std::vector<std::int64_t> pads_of(const GraphReader& reader, const OnnxNode& node) {
  if (const ConstantPtr given = reader.constant(node, 1)) return integer_list(*given, "pads");
  return node.integers("pads", {});
}

void convert_max_pool(GraphReader& reader, const OnnxNode& node) {
  emit_pool(reader, node, "max_pool", window_of(reader, node), reader.data(node, 0));
}

void convert_average_pool(GraphReader& reader, const OnnxNode& node) {
  const Window window = window_of(reader, node);
  const bool padded = std::any_of(window.padding.begin(), window.padding.end(), [](auto p) { return p != 0; });
  const bool counted = !padded || node.integer("count_include_pad", 0) != 0;
  emit_pool(reader, node, "avg_pool", window, reader.data(node, 0), {{"count_include_pad", counted}});
}

}  // namespace

bool complete_padded_average(GraphReader& reader, const OnnxNode& node) {
  const OnnxNode* pad = reader.producer(node.input(0));
  if (node.op != "AveragePool" || !reader.value(node.input(0)).pending() || pad == nullptr || pad->op != "Pad")
    return false;
  Window window = window_of(reader, node);
  const std::vector<std::int64_t> pads = pads_of(reader, *pad);
  for (std::size_t i = 0; i < window.padding.size(); ++i) {
    if (window.padding[i] != 0) reader.refuse(node, "padding before and within the pooling");
    window.padding[i] = pads[i + 2];
  }
  emit_pool(reader, node, "avg_pool", window, reader.data(*pad, 0), {{"count_include_pad", true}});
  return true;
}

namespace {

void convert_global_average_pool(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  if (shape.size() < 2 || shape.size() > 3) reader.refuse(node, "a mean over " + to_string(shape));
  reader.emit(node, with_dimensions("adaptive_avg_pool", shape.size() - 1),
              {{"output_size", Shape(shape.size() - 1, 1)}}, {reader.data(node, 0)});
}

void convert_global_max_pool(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  if (shape.size() < 2 || shape.size() > 3) reader.refuse(node, "a maximum over " + to_string(shape));
  const Shape kernel(shape.begin() + 1, shape.end());
  emit_pool(reader, node, "max_pool", {kernel, kernel, Shape(kernel.size(), 0), false}, reader.data(node, 0));
}

std::vector<std::size_t> reduced_axes(const GraphReader& reader, const OnnxNode& node) {
  const std::size_t rank = reader.shape(node, 0).size() + 1;
  std::vector<std::int64_t> given = node.integers("axes", {});
  if (const ConstantPtr axes = reader.constant(node, 1)) given = integer_list(*axes, "axes");
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : given) axes.push_back(axis_index(axis, rank));
  std::sort(axes.begin(), axes.end());
  return axes;
}

/// Reads the mean over the positions: [tokens, features] -> [features], [C, H, W] -> [C] or [C, 1, 1].
void convert_reduce_mean(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  const std::vector<std::size_t> axes = reduced_axes(reader, node);
  const bool keeps = node.integer("keepdims", 1) != 0;
  const bool image = shape.size() == 3 && axes == std::vector<std::size_t>{2, 3};
  const bool tokens = shape.size() == 2 && axes == std::vector<std::size_t>{1};
  if (image && keeps)
    return reader.emit(node, "adaptive_avg_pool2d", {{"output_size", Shape{1, 1}}}, {reader.data(node, 0)});
  if ((image || tokens) && !keeps) return reader.emit(node, "mean", {}, {reader.data(node, 0)});
  if (const auto piece = piece_shape(reader, node)) return reader.keep_pending(node, *piece);
  reader.refuse(node, "means over the positions of [tokens, features] or [channels, height, width] are read");
}

/// Returns how many times larger height and width become.
Shape whole_factors(const GraphReader& reader, const OnnxNode& node) {
  const Shape& from = reader.shape(node, 0);
  if (from.size() != 3) reader.refuse(node, "values that are no images");
  std::vector<double> factors;
  const ConstantPtr scales = reader.constant(node, node.op == "Resize" && reader.opset() > 10 ? 2 : 1);
  if (scales != nullptr && scales->size() == 4) {
    for (std::size_t i = 0; i < 4; ++i) factors.push_back(scales->floating ? scales->floats[i] : 0);
  } else if (const ConstantPtr sizes = reader.constant(node, 3); sizes != nullptr && sizes->integers.size() == 4) {
    factors = {1, 1, 1, 1};
    for (std::size_t i = 1; i < 4; ++i)
      if (sizes->depends_on_batch(i)) reader.refuse(node, "sizes that depend on the batch");
    for (std::size_t i = 1; i < 4; ++i)
      factors[i] = static_cast<double>(sizes->integers[i]) / static_cast<double>(from[i - 1]);
  } else if (const auto* list = node.find("scales")) {
    if (const auto* floats = std::get_if<std::vector<float>>(list)) factors.assign(floats->begin(), floats->end());
  }
  if (factors.size() != 4 || factors[0] != 1 || factors[1] != 1)
    reader.refuse(node, "constant scales or sizes of height and width are needed");
  Shape whole;
  for (std::size_t i = 2; i < 4; ++i) {
    if (!(factors[i] >= 1 && factors[i] <= 1024) || factors[i] != std::floor(factors[i]))
      reader.refuse(node, fmt::format("a factor of {}; whole factors are read", factors[i]));
    whole.push_back(static_cast<std::int64_t>(factors[i]));
  }
  return whole;
}

void convert_resize(GraphReader& reader, const OnnxNode& node) {
  if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch")
    reader.refuse(node, "a keep_aspect_ratio_policy other than stretch");
  const std::string mode = node.text("mode", "nearest");
  const bool bilinear = mode == "linear" || mode == "bilinear";
  if (!bilinear && mode != "nearest") reader.refuse(node, "mode = " + mode + "; nearest and linear are read");
  const bool newer = node.op == "Resize" && reader.opset() > 10;
  const std::string place = node.text("coordinate_transformation_mode", newer ? "half_pixel" : "asymmetric");
  const std::string rounding = node.text("nearest_mode", newer ? "round_prefer_floor" : "floor");
  if (bilinear && place != "half_pixel" && place != "pytorch_half_pixel")
    reader.refuse(node, "coordinate_transformation_mode = " + place + " with mode = linear");
  const bool same_pixels =
      (place == "asymmetric" && rounding == "floor") || (place == "half_pixel" && rounding == "round_prefer_floor");
  if (!bilinear && !same_pixels) reader.refuse(node, fmt::format("coordinates {} with rounding {}", place, rounding));
  reader.emit(node, "upsample",
              {{"scale_factor", whole_factors(reader, node)}, {"mode", std::string(bilinear ? "bilinear" : "nearest")}},
              {reader.data(node, 0)});
}

/// Reads the padding that PyTorch puts before an average pooling: none, or zeros that the pooling takes in.
void convert_pad(GraphReader& reader, const OnnxNode& node) {
  const std::vector<std::int64_t> pads = pads_of(reader, node);
  if (!node.input(3).empty()) reader.refuse(node, "padding of chosen axes (its fourth input)");
  if (std::all_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad == 0; }))
    return reader.alias(node, node.input(0));
  const Shape& from = reader.shape(node, 0);
  const std::size_t rank = from.size() + 1;
  if (pads.size() != 2 * rank) throw DataError("pads does not fit the rank");
  Shape shape = from;
  for (std::size_t i = 0; i < rank; ++i) {
    const bool position = i >= 2;
    if (pads[i] != pads[i + rank] || pads[i] < 0 || pads[i] > 1024 || (!position && pads[i] != 0))
      reader.refuse(node, "padding other than zeros around the positions, before an average pooling");
    if (i > 0) shape[i - 1] += 2 * pads[i];
  }
  const ConstantPtr filling = reader.constant(node, 2);
  if (node.text("mode", "constant") != "constant" || (filling != nullptr && scalar(filling) != 0.0))
    reader.refuse(node, "padding with other values than 0");
  reader.keep_pending(node, shape);
}

}  // namespace

const Converters& pool_converters() {
  static const Converters list = {
      {"MaxPool", convert_max_pool},
      {"AveragePool", convert_average_pool},
      {"GlobalAveragePool", convert_global_average_pool},
      {"GlobalMaxPool", convert_global_max_pool},
      {"ReduceMean", convert_reduce_mean},
      {"Resize", convert_resize},
      {"Upsample", convert_resize},
      {"Pad", convert_pad},
  };
  return list;
}

}  // namespace lathe::onnx
