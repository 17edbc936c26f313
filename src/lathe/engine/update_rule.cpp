#include "lathe/engine/update_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

constexpr const char* kStep = "step";

const std::vector<float>& values_of(const State& state, const std::string& name, std::size_t size) {
  const auto found = std::find_if(state.begin(), state.end(), [&](const auto& tensor) { return tensor.name == name; });
  if (found == state.end() || found->values.size() != size)
    throw DataError(fmt::format("optimiser state: tensor {} is missing or of another size", name));
  return found->values;
}

// Calls `use(place, tensor, name in checkpoints)` for the moments of all trainable tensors, moment by moment.
template <typename Use>
void for_each_moment(const State& layout, const std::vector<std::string>& ends, Use use) {
  for (std::size_t moment = 0; moment < ends.size(); ++moment) {
    MomentPlace place{.moment = moment};
    for (; place.tensor < layout.size(); ++place.tensor) {
      const NamedTensor& tensor = layout[place.tensor];
      if (!tensor.trainable) continue;
      use(place, tensor, tensor.name + ends[moment]);
      ++place.trained;
    }
  }
}

}  // namespace

void UpdateRule::set(const OptimizerSettings& settings) {
  declaration_ = &optimizer_named(settings.name);
  settings_ = settings;
  step_ = {.number = 0};
}

const OptimizerStep& UpdateRule::next(double learning_rate) {
  step_ = {.learning_rate = learning_rate, .number = step_.number + 1};
  return step_;
}

State UpdateRule::save(const State& layout,
                       const std::function<void(const MomentPlace&, std::vector<float>&)>& read) const {
  State state;
  for_each_moment(layout, declaration_->moments(settings_),
                  [&](const MomentPlace& place, const NamedTensor& tensor, const std::string& name) {
                    NamedTensor& added = state.emplace_back(tensor);
                    added.name = name;
                    added.values.resize(static_cast<std::size_t>(element_count(tensor.shape)));
                    read(place, added.values);
                  });
  state.push_back({.name = kStep, .shape = {}, .values = {static_cast<float>(step_.number)}});
  return state;
}

void UpdateRule::load(const State& state, const State& layout,
                      const std::function<void(const MomentPlace&, const std::vector<float>&)>& write) {
  const std::vector<std::string> ends = declaration_->moments(settings_);
  const auto found = [&](const NamedTensor& tensor, const std::string& name) -> const std::vector<float>& {
    return values_of(state, name, static_cast<std::size_t>(element_count(tensor.shape)));
  };
  const float steps = values_of(state, kStep, 1).front();
  for_each_moment(layout, ends, [&](const MomentPlace&, const NamedTensor& tensor, const std::string& name) {
    found(tensor, name);  // all are there before the first is taken
  });
  for_each_moment(layout, ends, [&](const MomentPlace& place, const NamedTensor& tensor, const std::string& name) {
    write(place, found(tensor, name));
  });
  step_ = {.number = static_cast<std::int64_t>(steps)};
}

}  // namespace lathe::engine
