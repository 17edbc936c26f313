#include "lathe/model/node_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe::model {
namespace {

/// Collects the keys before they are put together.
struct Draft {
  const NodeKey* name = nullptr;
  std::string quantizer;                ///< empty: none
  std::optional<ir::ChannelMode> mode;  ///< from `name` or `mode`
  bool any_multiplier = false;
  const NodeKey* format_key = nullptr;  ///< the first key of a number format
  ir::ChannelScale scale;
  ir::NodeQuantization quantization;
};

[[noreturn]] void fail(const NodeKey& key, const std::string& message) {
  throw UserError(key.position, key.full_key.empty() ? key.name : key.full_key, message);
}

bool is_na(const NodeKey& key) { return std::holds_alternative<std::monostate>(key.value); }

std::string show(const NodeScalar& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
  return "\"NA\"";
}

const std::string& string_of(const NodeKey& key) {
  const auto* text = std::get_if<std::string>(&key.value);
  if (text == nullptr) fail(key, "expected a string; got " + show(key.value));
  return *text;
}

bool boolean_of(const NodeKey& key) {
  const auto* value = std::get_if<bool>(&key.value);
  if (value == nullptr) fail(key, "expected true or false; got " + show(key.value));
  return *value;
}

double multiplier_of(const NodeKey& key) {
  double value = 0;
  if (const auto* integer = std::get_if<std::int64_t>(&key.value))
    value = static_cast<double>(*integer);
  else if (const auto* number = std::get_if<double>(&key.value))
    value = *number;
  else
    fail(key, "expected a number; got " + show(key.value));
  if (!(value > 0) || !std::isfinite(value)) fail(key, "must be above 0; got " + show(key.value));
  return value;
}

/// Reads an option of a number format as its declaration has it, or NA.
std::optional<quant::OptionValue> option_of(const NodeKey& key, std::string_view option) {
  if (is_na(key)) return std::nullopt;
  const quant::OptionValue given = std::visit(
      [](const auto& value) -> quant::OptionValue {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return false;
        else
          return value;
      },
      key.value);
  const quant::OptionType type = quant::find_option(option)->type;
  auto value = quant::converted(given, type);
  if (value) return value;
  // a key has one value: one number stands for a list of one
  const quant::OptionType of_key = type == quant::OptionType::kReals      ? quant::OptionType::kReal
                                   : type == quant::OptionType::kIntegers ? quant::OptionType::kInteger
                                                                          : type;
  fail(key, fmt::format("expected {}; got {}", quant::to_string(of_key), show(key.value)));
}

std::vector<std::string> mode_names() { return {"output_only", "both", "input_only", "linear"}; }

/// Lists quantisers with their aliases.
std::vector<std::string> quantizer_names() {
  std::vector<std::string> names;
  for (const quant::FormatKind& kind : quant::format_kinds()) {
    names.push_back(kind.name);
    names.insert(names.end(), kind.aliases.begin(), kind.aliases.end());
  }
  return names;
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void read_name(const NodeKey& key, Draft& draft) {
  draft.name = &key;
  if (is_na(key)) return;
  const std::string& name = string_of(key);
  std::vector<std::string> known = quantizer_names();
  if (contains(known, name)) {
    draft.quantizer = quant::format_kind(name).name;
    return;
  }
  draft.mode = ir::channel_mode(name);
  if (draft.mode) return;
  for (const std::string& mode : mode_names()) known.push_back(mode);
  fail(key, fmt::format("unknown name \"{}\"{}", name, suggestion(name, known)));
}

void read_mode(const NodeKey& key, Draft& draft) {
  const std::string& name = string_of(key);
  const auto mode = ir::channel_mode(name);
  if (!mode) fail(key, fmt::format("unknown mode \"{}\"{}", name, suggestion(name, mode_names())));
  if (draft.mode && *draft.mode != *mode)
    fail(key, fmt::format("contradicts name = \"{}\"", ir::to_string(*draft.mode)));
  draft.mode = mode;
}

void read_multiplier(const NodeKey& key, Draft& draft) {
  const double value = multiplier_of(key);
  draft.any_multiplier = true;
  if (key.name == "channel_multiplier")
    draft.scale.multiplier = value;
  else if (key.name == "channel_multiplier_out")
    draft.scale.output_multiplier = value;
  else if (draft.scale.input_multiplier.value_or(value) != value)
    fail(key, fmt::format("contradicts the input multiplier {} given before", *draft.scale.input_multiplier));
  else
    draft.scale.input_multiplier = value;
}

void read_parent(const NodeKey& key, Draft& draft) {
  const std::string& parent = string_of(key);
  if (draft.scale.parent.value_or(parent) != parent)
    fail(key, fmt::format("\"{}\" contradicts the parent \"{}\" given before", parent, *draft.scale.parent));
  draft.scale.parent = parent;
}

void read_bypass(const NodeKey& key, Draft& draft) { draft.quantization.bypass = boolean_of(key); }

/// Reads `weight_width` and the like; false when the key is none of these.
bool read_format_key(const NodeKey& key, Draft& draft) {
  const auto parts = ir::split_operand_key(key.name);
  if (!parts) return false;
  if (draft.format_key == nullptr && !is_na(key)) draft.format_key = &key;
  const auto& [operand, option] = *parts;
  draft.quantization[operand].push_back({std::string(option), option_of(key, option)});
  return true;
}

/// Holds a key that is no format option; NA means absent, except for `name`.
struct PlainKey {
  const char* name;
  void (*read)(const NodeKey&, Draft&);
};
constexpr PlainKey kPlainKeys[] = {
    {"name", read_name},
    {"mode", read_mode},
    {"channel_mode", read_mode},
    {"channel_multiplier", read_multiplier},
    {"channel_multiplier_in", read_multiplier},
    {"channel_multiplier_out", read_multiplier},
    {"input_channel_multiplier", read_multiplier},
    {"parent", read_parent},
    {"parent_block_name", read_parent},
    {"prev_link", read_parent},
    {"bypass", read_bypass},
};

void read_key(const NodeKey& key, Draft& draft) {
  if (!contains(node_config_keys(), key.name))
    fail(key, fmt::format("unknown key{}", suggestion(key.name, node_config_keys())));
  if (read_format_key(key, draft)) return;
  for (const PlainKey& plain : kPlainKeys)
    if (key.name == plain.name && (!is_na(key) || key.name == "name")) plain.read(key, draft);
}

/// Removes options that the chosen number format does not have: a list of choices may serve several formats.
void keep_known_options(std::vector<quant::GivenOption>& given, const quant::FormatKind& kind) {
  std::erase_if(given, [&](const quant::GivenOption& option) {
    return std::none_of(kind.options.begin(), kind.options.end(),
                        [&](const auto& declared) { return declared.name == option.name; });
  });
}

NodeConfig assemble(Draft draft) {
  NodeConfig config;
  const bool left_alone = draft.name != nullptr && is_na(*draft.name) && !draft.mode;
  if (left_alone) return config;
  if (draft.name == nullptr && draft.quantizer.empty() && !draft.mode && draft.format_key != nullptr)
    fail(*draft.format_key, "has no effect without a quantiser: add name = \"integer\"");
  if (draft.quantizer.empty() && draft.mode && draft.format_key != nullptr)
    fail(*draft.format_key,
         fmt::format("has no effect without a quantiser: for both write name = \"integer\" and mode = \"{}\"",
                     ir::to_string(*draft.mode)));
  if (draft.mode || draft.any_multiplier) {
    config.channels = draft.scale;
    config.channels->mode = draft.mode.value_or(ir::ChannelMode::kOutputOnly);
  }
  if (!draft.quantizer.empty()) {
    const quant::FormatKind& kind = quant::format_kind(draft.quantizer);
    draft.quantization.kind = kind.name;
    for (auto& given : draft.quantization.options) keep_known_options(given, kind);
    config.quantization = draft.quantization;
  }
  return config;
}

}  // namespace

const std::vector<std::string>& node_config_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> all;
    for (const PlainKey& plain : kPlainKeys) all.emplace_back(plain.name);
    for (const ir::Operand operand : ir::kOperands)
      for (const quant::FormatKind& kind : quant::format_kinds())
        for (const auto& option : kind.options)
          if (const std::string key = fmt::format("{}_{}", ir::spelling(operand), option.name); !contains(all, key))
            all.push_back(key);
    return all;
  }();
  return keys;
}

NodeConfig parse_node_config(std::span<const NodeKey> keys) {
  Draft draft;
  for (const NodeKey& key : keys)
    if (key.name == "name") read_key(key, draft);
  for (const NodeKey& key : keys)
    if (key.name != "name") read_key(key, draft);
  return assemble(std::move(draft));
}

}  // namespace lathe::model
