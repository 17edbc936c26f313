#include "lathe/space/leaf.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"
#include "lathe/ir/op.h"
#include "lathe/model/node_config.h"

namespace lathe::space {
namespace {

/// Tells a number format's key from one of the channels, by its operand.
bool is_format_key(std::string_view key) {
  return key == "bypass" || key.starts_with("data_in_") || key.starts_with("weight_") || key.starts_with("bias_");
}

bool has_width(const ir::Node& node) { return ir::op_of(node).channel_rule == ir::ChannelRule::kProduces; }

bool has_parameter(const ir::Node& node, std::string_view name) {
  return std::any_of(node.parameters.begin(), node.parameters.end(),
                     [&](const ir::Parameter& parameter) { return parameter.name == name; });
}

/// Tells whether a key that `default` gives to all nodes can act on this one.
bool key_applies(const ir::Node& node, std::string_view key) {
  if (!is_format_key(key)) return has_width(node);
  if (!ir::op_of(node).quantizable) return false;
  if (key.starts_with("weight_")) return has_parameter(node, "weight");
  if (key.starts_with("bias_")) return has_parameter(node, "bias");
  return true;
}

bool name_applies(const ir::Node& node, const Scalar& choice) {
  const auto* name = std::get_if<std::string>(&choice);
  if (name == nullptr) return true;
  return ir::channel_mode(*name) ? has_width(node) : ir::op_of(node).quantizable;
}

std::vector<Scalar> read_choices(const config::Value& list) {
  if (list.is_table()) list.fail("expected a list of choices, such as [4, 8]; got a table");
  if (!list.is_array()) list.fail(fmt::format("must be a list of choices; for one choice write [{}]", list.to_toml()));
  if (list.as_array().empty()) list.fail("the list of choices is empty; it needs at least one");
  std::vector<Scalar> choices;
  for (const config::Value& choice : list.as_array()) choices.push_back(read_scalar(choice));
  return choices;
}

/// Returns the table `config` of an entry, its keys checked.
const config::Value& config_of(const config::Member& entry) {
  static const std::vector<std::string> known{"config"};
  for (const config::Member& member : entry.value.as_table()) {
    if (member.name != "config") config::unknown_key(member, known);
  }
  const config::Value* table = entry.value.find("config");
  if (table == nullptr) entry.value.fail("needs a table [" + entry.value.key() + ".config]");
  const std::vector<std::string>& keys = model::node_config_keys();
  for (const config::Member& member : table->as_table()) {
    if (std::find(keys.begin(), keys.end(), member.name) == keys.end()) config::unknown_key(member, keys);
  }
  return *table;
}

void add_leaves(const config::Value& table, const std::string& node, std::vector<Leaf>& leaves) {
  for (const config::Member& member : table.as_table()) {
    leaves.push_back({node, member.name, read_choices(member.value), &member.value});
  }
}

[[noreturn]] void unknown_entry(const config::Member& entry, const std::string& what,
                                const std::vector<std::string>& known) {
  throw UserError(entry.key_position, entry.value.key(), what + suggestion(entry.name, known));
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const ir::OpDeclaration& op : ir::op_declarations()) names.push_back(op.name);
  return names;
}

/// Reads the entries of one file, whatever they are called by.
class Reader {
 public:
  Reader(const config::Value& seed, By by, const ir::Graph& base) : seed_(seed), by_(by), base_(base) {}

  std::vector<Leaf> read() {
    for (const config::Member& entry : seed_.as_table()) {
      if (entry.name == "default") continue;
      by_ == By::kName ? note_name(entry) : note_type(entry);
    }
    for (const config::Member& entry : seed_.as_table()) {
      if (entry.name == "default") {
        add_default(config_of(entry));
      } else {
        add_entry(entry);
      }
    }
    return std::move(leaves_);
  }

 private:
  void note_name(const config::Member& entry) {
    if (base_.find(entry.name)) {
      own_.push_back(entry.name);
    } else if (ir::find_op(entry.name) != nullptr) {
      log::warning("{}: {}: an op type has no effect under by = \"name\"; name the nodes, or set by = \"type\"",
                   entry.key_position.to_string(), entry.value.key());
    } else {
      unknown_entry(entry, fmt::format("{} has no node \"{}\"", base_.name, entry.name), base_.node_names());
    }
  }

  void note_type(const config::Member& entry) {
    if (ir::find_op(entry.name) == nullptr) {
      if (const auto node = base_.find(entry.name)) {
        throw UserError(entry.key_position, entry.value.key(),
                        fmt::format("this is a node, and by = \"type\" expects op types (\"{}\"); or set by = \"name\"",
                                    base_.nodes[*node].op));
      }
      unknown_entry(entry, fmt::format("there is no op type \"{}\"", entry.name), op_names());
    }
    const std::size_t before = own_.size();
    for (const ir::Node& node : base_.nodes) {
      if (node.op == entry.name) own_.push_back(node.name);
    }
    if (own_.size() == before) {
      log::warning("{}: {}: {} has no {} node; the entry has no effect", entry.key_position.to_string(),
                   entry.value.key(), base_.name, entry.name);
    }
  }

  void add_entry(const config::Member& entry) {
    const config::Value& table = config_of(entry);
    for (const ir::Node& node : base_.nodes) {
      if ((by_ == By::kName ? node.name : node.op) == entry.name) add_leaves(table, node.name, leaves_);
    }
    for (const config::Member& member : table.as_table()) read_choices(member.value);
  }

  void add_default(const config::Value& table) {
    std::vector<Leaf> general;
    add_leaves(table, "default", general);
    for (const ir::Node& node : base_.nodes) {
      if (std::find(own_.begin(), own_.end(), node.name) == own_.end()) add_default_to(node, general);
    }
  }

  /// Adds what of `default` can act on a node; nothing when every name that is left is NA.
  void add_default_to(const ir::Node& node, const std::vector<Leaf>& general) {
    std::vector<Leaf> own;
    bool active = std::none_of(general.begin(), general.end(), [](const Leaf& leaf) { return leaf.key == "name"; });
    for (Leaf leaf : general) {
      leaf.node = node.name;
      if (leaf.key == "name") {
        std::erase_if(leaf.values, [&](const Scalar& choice) { return !name_applies(node, choice); });
        active = std::any_of(leaf.values.begin(), leaf.values.end(),
                             [](const Scalar& choice) { return !std::holds_alternative<std::monostate>(choice); });
      } else if (!key_applies(node, leaf.key)) {
        continue;
      }
      if (!leaf.values.empty()) own.push_back(std::move(leaf));
    }
    if (active) leaves_.insert(leaves_.end(), own.begin(), own.end());
  }

  const config::Value& seed_;
  By by_;
  const ir::Graph& base_;
  std::vector<std::string> own_;  ///< nodes with an entry of their own
  std::vector<Leaf> leaves_;
};

}  // namespace

Scalar read_scalar(const config::Value& value) {
  if (value.is_na()) return std::monostate{};
  if (value.is_boolean()) return value.as_boolean();
  if (value.is_integer()) return value.as_integer();
  if (value.is_float()) return value.as_number();
  if (value.is_string()) return value.as_string();
  value.fail(fmt::format("a choice must be a number, a string or a boolean; got {}", value.to_toml()));
}

std::vector<Leaf> read_leaves(const config::Value& seed, By by, const ir::Graph& base) {
  return Reader(seed, by, base).read();
}

}  // namespace lathe::space
