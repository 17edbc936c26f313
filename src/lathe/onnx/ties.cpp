#include "lathe/onnx/ties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "lathe/base/log.h"
#include "lathe/onnx/build_model.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kLeastEqual = 16;  ///< fewer values are equal by chance (quantised ones)

/// Holds a parameter of a node: what it is called there and where its values come from.
struct Use {
  std::size_t node = 0;
  std::string parameter;
  ConstantPtr values;

  std::string path() const { return path_of_weight(values->name, parameter); }
};

/// Tells whether all values are 0, or all 1: what fresh norms and biases begin with.
bool is_trivial(const Constant& constant) {
  const auto all = [&](float value) {
    return std::all_of(constant.floats.begin(), constant.floats.end(), [&](float v) { return v == value; });
  };
  return all(0) || all(1);
}

/// Tells whether `again` is `first` with numbers behind some of its parts: `blocks_1.fc` and `blocks.fc`.
bool is_called_again(std::string_view first, std::string_view again) {
  if (first.empty() || first == again) return false;
  while (!first.empty() && !again.empty()) {
    const std::string_view a = first.substr(0, first.find('.')), b = again.substr(0, again.find('.'));
    if (!b.starts_with(a)) return false;
    const std::string_view number = b.substr(a.size());
    if (!number.empty() && (number.size() < 2 || number.front() != '_' ||
                            number.find_first_not_of("0123456789", 1) != std::string_view::npos))
      return false;
    first.remove_prefix(std::min(first.size(), a.size() + 1));
    again.remove_prefix(std::min(again.size(), b.size() + 1));
  }
  return first.empty() && again.empty();
}

/// Goes over the parameters of a network and compares each with those before it.
class Ties {
 public:
  Ties(const GraphReader& reader, const ir::Graph& graph, const std::vector<Origin>& origins)
      : reader_(reader), graph_(graph), origins_(origins) {}

  void check() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      for (const auto& [parameter, values] : origins_[i].weights) check(Use{i, parameter, values});
    if (equal_ > 0)
      log::warning("{}; {}each node gets parameters of its own", first_equal_,
                   equal_ > 1 ? fmt::format("{} more are alike; ", equal_ - 1) : "");
  }

 private:
  void check(const Use& use) {
    const auto [known, first] = by_source_.emplace(use.values->source, use);
    if (!first) return check_source(known->second, use);
    if (use.values->size() < kLeastEqual || is_trivial(*use.values)) return;
    auto [at, end] = by_values_.equal_range(hash_of(*use.values));
    const auto equal = std::find_if(at, end, [&](const auto& entry) {
      return entry.second.values->shape == use.values->shape && entry.second.values->floats == use.values->floats;
    });
    if (equal != end) return check_equal(equal->second, use);
    by_values_.emplace(hash_of(*use.values), use);
  }

  static std::size_t hash_of(const Constant& constant) {
    const auto* bytes = reinterpret_cast<const char*>(constant.floats.data());
    return std::hash<std::string_view>()({bytes, constant.floats.size() * sizeof(float)});
  }

  /// Two nodes read one tensor.
  void check_source(const Use& first, const Use& use) {
    if (!is_trivial(*use.values) || (shares_all(first.node, use.node) && is_again(first, use))) refuse(first, use);
    warn(first, use, "is stored once with");
  }

  /// Two nodes read equal tensors. Names of the state dict tell that they are two.
  void check_equal(const Use& first, const Use& use) {
    if (!first.path().empty() && !use.path().empty() && first.path() != use.path()) return;
    if (graph_.nodes[first.node].op != graph_.nodes[use.node].op || is_again(first, use)) refuse(first, use);
    warn(first, use, "has the values of");
  }

  bool shares_all(std::size_t a, std::size_t b) const {
    const auto sources = [&](std::size_t node) {
      std::set<std::string> list;
      for (const auto& [parameter, values] : origins_[node].weights) list.insert(values->source);
      return list;
    };
    return sources(a) == sources(b);
  }

  bool is_again(const Use& first, const Use& use) const {
    return is_called_again(path_of_scope(origins_[first.node].source->name),
                           path_of_scope(origins_[use.node].source->name));
  }

  void warn(const Use& first, const Use& use, const char* how) {
    if (equal_++ == 0)
      first_equal_ =
          fmt::format("the {} of node {} {} the {} of node {}", use.parameter, origins_[use.node].source->label(), how,
                      first.parameter, origins_[first.node].source->label());
  }

  [[noreturn]] void refuse(const Use& first, const Use& use) const {
    reader_.refuse(
        *origins_[use.node].source,
        fmt::format("its {} is the {} of node {} too ({}): tied parameters are not read, as each node of "
                    "lathe trains its own",
                    use.parameter, first.parameter, origins_[first.node].source->label(), use.values->source));
  }

  const GraphReader& reader_;
  const ir::Graph& graph_;
  const std::vector<Origin>& origins_;
  std::map<std::string, Use> by_source_;
  std::multimap<std::size_t, Use> by_values_;
  std::size_t equal_ = 0;
  std::string first_equal_;
};

}  // namespace

void refuse_ties(const GraphReader& reader, const ir::Graph& graph, const std::vector<Origin>& origins) {
  Ties(reader, graph, origins).check();
}

}  // namespace lathe::onnx
