#include "lathe/ir/activation.h"

#include "lathe/ir/formula.h"

namespace lathe::ir {
namespace formulas {

#include "lathe/ir/activation_formulas.h"

}  // namespace formulas

namespace {

using Double = Scalar<double>;

template <class Formula>
double value_of(const ActivationNumbers& numbers, double x) {
  return make_formula<Formula>(numbers.data()).value(Double(x)).value;
}

template <class Formula>
double gradient_of(const ActivationNumbers& numbers, double at, double dy) {
  return make_formula<Formula>(numbers.data()).gradient(Double(at), Double(dy)).value;
}

template <class Formula>
bool formula_reads_output(const ActivationNumbers& numbers) {
  return reads_output(make_formula<Formula>(numbers.data()));
}

template <class Formula>
FormulaSteps value_steps_of(const ActivationNumbers& numbers) {
  FormulaSteps steps;
  const Recorded x(steps, Operation::kArgument);
  Recorded::finish(steps, make_formula<Formula>(numbers.data()).value(x));
  return steps;
}

template <class Formula>
FormulaSteps gradient_steps_of(const ActivationNumbers& numbers) {
  FormulaSteps steps;
  const Recorded at(steps, Operation::kArgument), dy(steps, Operation::kGradient);
  Recorded::finish(steps, make_formula<Formula>(numbers.data()).gradient(at, dy));
  return steps;
}

template <class Formula>
Activation activation() {
  return {.name = Formula::kText.name,
          .text = Formula::kText,
          .value = value_of<Formula>,
          .gradient = gradient_of<Formula>,
          .reads_output = formula_reads_output<Formula>,
          .value_steps = value_steps_of<Formula>,
          .gradient_steps = gradient_steps_of<Formula>};
}

}  // namespace

ActivationNumbers Activation::numbers(const Node& node) const {
  ActivationNumbers all{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ActivationAttribute& attribute = text.attributes[i];
    if (attribute.name == nullptr) break;
    const bool choice = attribute.choices[0] != nullptr;
    all[i] = !choice ? node.number(attribute.name) : node.string(attribute.name) == attribute.choices[0] ? 0.0 : 1.0;
  }
  return all;
}

ActivationNumbers Activation::default_numbers() const {
  ActivationNumbers all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = text.attributes[i].default_value;
  return all;
}

const Registry<Activation>& activations() {
  static const Registry<Activation> registry("activation", {
#define ENTRY(Formula) activation<formulas::Formula>(),
#include "lathe/ir/activations/builtin.def"
#undef ENTRY
                                                           });
  return registry;
}

}  // namespace lathe::ir
