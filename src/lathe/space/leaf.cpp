#include "lathe/space/leaf.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/model/node_config.h"

namespace lathe::space {
namespace {

constexpr const char* kDefault = "default";

/// Tells a number format's key from one of the channels, by its operand.
bool is_format_key(std::string_view key) { return key == "bypass" || ir::split_operand_key(key).has_value(); }

bool has_operand(const ir::Node& node, ir::Operand operand) {
  return operand == ir::Operand::kDataIn ||
         std::any_of(node.parameters.begin(), node.parameters.end(),
                     [&](const ir::Parameter& parameter) { return parameter.operand == operand; });
}

/// Tells whether a key that `default` gives to all nodes can act on this one.
bool key_applies(const ir::Node& node, std::string_view key) {
  if (!is_format_key(key)) return ir::sets_width(node);
  if (!ir::op_of(node).quantizable) return false;
  const auto parts = ir::split_operand_key(key);
  return !parts || has_operand(node, parts->first);
}

bool name_applies(const ir::Node& node, const Scalar& choice) {
  const auto* name = std::get_if<std::string>(&choice);
  if (name == nullptr) return true;
  return ir::channel_mode(*name) ? ir::sets_width(node) : ir::op_of(node).quantizable;
}

KeyType key_type(std::string_view key) {
  if (key.find("multiplier") != std::string_view::npos) return KeyType::kNumber;
  const auto parts = ir::split_operand_key(key);
  if (!parts) return KeyType::kText;
  switch (quant::find_option(parts->second)->type) {
    case quant::OptionType::kReal:
    case quant::OptionType::kReals: return KeyType::kNumber;
    case quant::OptionType::kName: return KeyType::kText;
    default: return KeyType::kInteger;
  }
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

Leaf make_leaf(const std::string& node, const config::Member& member) {
  Domain domain = read_domain(member.value, key_type(member.name));
  return {node, member.name, std::move(domain.distribution), std::move(domain.when), domain.source};
}

void add_leaves(const config::Value& table, const std::string& node, std::vector<Leaf>& leaves) {
  for (const config::Member* member : lists_first(table)) leaves.push_back(make_leaf(node, *member));
}

/// Returns the leaf that a condition of `leaf` means by a bare key; null when it names a node, or nothing here.
const Leaf* parent_within(const std::vector<Leaf>& leaves, const Leaf& leaf) {
  const std::string& key = leaf.when->key->as_string();
  const auto found = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& other) { return other.key == key; });
  return found == leaves.end() ? nullptr : &*found;
}

/// Removes the values of a condition that the parent never takes.
void keep_values_of(const Leaf& parent, When& when) {
  When kept{.key = when.key};
  for (std::size_t i = 0; i < when.is.size(); ++i) {
    if (!parameter::code_of(parent.distribution, when.is[i])) continue;
    kept.is.push_back(when.is[i]);
    kept.is_sources.push_back(when.is_sources[i]);
  }
  when = std::move(kept);
}

/// Leaves out the keys of `default` whose conditions never hold on a node: their parent (a bare key that `general`
/// has) is not there, or never takes a value of theirs.
void drop_keys_that_never_apply(const std::vector<Leaf>& general, std::vector<Leaf>& own) {
  const auto never = [&](Leaf& leaf) {
    if (!leaf.when || parent_within(general, leaf) == nullptr) return false;
    const Leaf* parent = parent_within(own, leaf);
    if (parent != nullptr) keep_values_of(*parent, *leaf.when);
    return parent == nullptr || leaf.when->is.empty();
  };
  for (bool changed = true; changed;) {
    const auto gone = std::find_if(own.begin(), own.end(), never);
    changed = gone != own.end();
    if (changed) own.erase(gone);
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
      if (entry.name == kDefault) continue;
      by_ == By::kName ? note_name(entry) : note_type(entry);
    }
    for (const config::Member& entry : seed_.as_table()) {
      if (entry.name == kDefault) {
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
    std::vector<Leaf> own;
    add_leaves(config_of(entry), entry.name, own);
    for (const ir::Node& node : base_.nodes) {
      if ((by_ == By::kName ? node.name : node.op) != entry.name) continue;
      for (Leaf& leaf : own) leaf.node = node.name;
      leaves_.insert(leaves_.end(), own.begin(), own.end());
    }
  }

  void add_default(const config::Value& table) {
    std::vector<Leaf> general;
    add_leaves(table, kDefault, general);
    for (const Leaf& leaf : general) check_condition_of_default(general, leaf);
    for (const ir::Node& node : base_.nodes) {
      if (std::find(own_.begin(), own_.end(), node.name) == own_.end()) add_default_to(node, general);
    }
  }

  /// Refuses values that no node's parent takes; each node's own are looked at later.
  static void check_condition_of_default(const std::vector<Leaf>& general, const Leaf& leaf) {
    const Leaf* parent = leaf.when ? parent_within(general, leaf) : nullptr;
    if (parent != nullptr) check_values(*leaf.when, *parent);
  }

  /// Adds what of `default` can act on a node; nothing when every name that is left is NA.
  void add_default_to(const ir::Node& node, const std::vector<Leaf>& general) {
    std::vector<Leaf> own;
    bool active = std::none_of(general.begin(), general.end(), [](const Leaf& leaf) { return leaf.key == "name"; });
    for (Leaf leaf : general) {
      leaf.node = node.name;
      if (leaf.key == "name") {
        auto& names = std::get<parameter::Categorical>(leaf.distribution).choices;
        std::erase_if(names, [&](const Scalar& choice) { return !name_applies(node, choice); });
        active = std::any_of(names.begin(), names.end(),
                             [](const Scalar& choice) { return !std::holds_alternative<std::monostate>(choice); });
        if (names.empty()) continue;
      } else if (!key_applies(node, leaf.key)) {
        continue;
      }
      own.push_back(std::move(leaf));
    }
    if (!active) return;
    drop_keys_that_never_apply(general, own);
    leaves_.insert(leaves_.end(), own.begin(), own.end());
  }

  const config::Value& seed_;
  By by_;
  const ir::Graph& base_;
  std::vector<std::string> own_;  ///< nodes with an entry of their own
  std::vector<Leaf> leaves_;
};

}  // namespace

std::string parameter_name(const std::string& node, const std::string& key) {
  return node == kTraining ? node + "/" + key : node + "/config/" + key;
}

void check_values(const When& when, const Leaf& parent) {
  for (std::size_t i = 0; i < when.is.size(); ++i) {
    if (parameter::code_of(parent.distribution, when.is[i])) continue;
    const config::Value& source = *when.is_sources[i];
    std::vector<std::string> words;
    if (const auto* list = std::get_if<parameter::Categorical>(&parent.distribution); list && source.is_string()) {
      for (const Scalar& value : list->choices) words.push_back(to_string(value));
    }
    const std::string nearest = source.is_string() ? nearest_name(source.as_string(), words) : std::string();
    source.fail(fmt::format("{} never takes the value {}; it is {}{}", parent.name(), source.to_toml(),
                            to_text(parent.distribution),
                            nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
  }
}

std::vector<const config::Member*> lists_first(const config::Value& table) {
  std::vector<const config::Member*> members;
  for (const config::Member& member : table.as_table()) members.push_back(&member);
  std::stable_partition(members.begin(), members.end(),
                        [](const config::Member* member) { return !member->value.is_table(); });
  return members;
}

std::optional<std::size_t> find_leaf(const std::vector<Leaf>& leaves, const std::string& node, const std::string& key) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].node == node && leaves[i].key == key) return i;
  }
  return std::nullopt;
}

std::pair<std::string, std::string> split_key(const std::string& text) {
  const std::size_t last = text.find_last_of("/.");
  if (last == std::string::npos) return {"", text};
  std::string node = text.substr(0, last);
  for (const char* middle : {"/config", ".config"}) {
    if (node.ends_with(middle)) node.resize(node.size() - 7);
  }
  return {node, text.substr(last + 1)};
}

std::vector<std::string> leaf_names(const std::vector<Leaf>& leaves) {
  std::vector<std::string> names;
  for (const Leaf& leaf : leaves) names.push_back(leaf.name());
  return names;
}

std::vector<Leaf> read_leaves(const config::Value& seed, By by, const ir::Graph& base) {
  return Reader(seed, by, base).read();
}

}  // namespace lathe::space
