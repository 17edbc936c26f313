#include "lathe/model/networks_reference.h"

#include <fmt/format.h>

#include "lathe/ir/op.h"
#include "lathe/ir/report.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

constexpr const char* kIntroduction =
    R"(<!-- Made by `lathe reference`; change the tables in the sources, not this file. -->
# Networks

`model = "NAME"` takes a network of the zoo; a `[model]` table describes one layer by layer:

```toml
[model]
layers = [{type = "conv2d", out_channels = 16, kernel_size = 3, padding = 1}, "batch_norm2d", "relu",
          {type = "max_pool2d", kernel_size = 2}, "flatten", {type = "linear", out_features = 64}, "relu", "linear"]
```

A layer is a name or a table with its attributes; a layer is called `seq_blocks.N` (`prefix` sets another word) or by its
`name`, its node as torch.fx calls it: `seq_blocks_N`. It reads the layer before it, or those that `inputs` names.
Attributes that count what is read follow by themselves (`in_features`, `in_channels`, `num_features`, `normalized_shape`,
`features`); the data says `num_embeddings` and `positions`, and the last layer with a width that states none gives the
classes. Where two integers belong together (`kernel_size` of conv2d) a single one stands for both. A row of data is
`[features]`, an image `[channels, height, width]` or a text `[tokens]`; a flatten stands between convolutions and linear
layers.
)";

std::string row_text(const ZooEntry& entry) {
  return size_text(entry.usual.input_shape) + (entry.usual.vocabulary > 0 ? " tokens" : "");
}

std::string zoo_rows() {
  std::string text = "\n## The zoo\n\n| Network | Also | Parameters | Row | |\n|---|---|---:|---|---|\n";
  for (const ZooEntry& entry : zoo()) {
    std::string aliases;
    for (const std::string& alias : entry.aliases) aliases += (aliases.empty() ? "`" : ", `") + alias + "`";
    text +=
        fmt::format("| `{}` | {} | {} | {} | {} |\n", entry.name, aliases,
                    ir::trainable_parameters(make_model(entry.name, entry.usual)), row_text(entry), entry.description);
  }
  return text +
         "\nParameters are those for rows of this size and 5 classes of features, 10 of images, 2 of texts of 256 "
         "kinds of tokens; the data decides what they are. Underscores are dashes, capitals small letters.\n";
}

std::string value_text(const ir::AttributeValue& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
  const Shape& list = std::get<Shape>(value);
  return list.empty() ? "[]" : std::to_string(list.front());
}

std::string attributes_text(const ir::OpDeclaration& op) {
  std::string text;
  for (const ir::AttributeDeclaration& attribute : op.attributes) {
    const std::string value = attribute.obligatory ? "" : " = " + value_text(attribute.default_value);
    text += fmt::format("{}`{}{}` {}", text.empty() ? "" : "; ", attribute.name, value, attribute.description);
  }
  return text;
}

std::string layer_rows() {
  std::string text = "\n## Layers\n\n| Layer | In PyTorch | Meaning | Attributes |\n|---|---|---|---|\n";
  for (const ir::OpDeclaration& op : ir::op_declarations())
    if (op.is_layer())
      text += fmt::format("| `{}` | `{}` | {} | {} |\n", op.name, op.module_type.empty() ? op.function : op.module_type,
                          op.description, attributes_text(op));
  return text;
}

}  // namespace

std::string networks_reference() { return kIntroduction + zoo_rows() + layer_rows(); }

}  // namespace lathe::model
