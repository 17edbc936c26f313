#pragma once

#include <array>
#include <cstddef>
#include <limits>

namespace lathe::ir {

/// Most attributes that an activation may have.
inline constexpr std::size_t kMostActivationAttributes = 2;

/// Holds the attributes of a node as a formula reads them: numbers, and of a choice its position.
using ActivationNumbers = std::array<double, kMostActivationAttributes>;

/// Declares an attribute of an activation: a number, or a choice of two words where `choices` has them.
struct ActivationAttribute {
  const char* name = nullptr;  ///< null: none
  double default_value = 0;    ///< of a choice: its position
  const char* description = "";
  std::array<const char*, 2> choices{};
  double above = -std::numeric_limits<double>::infinity();  ///< a number must be above this
  const char* below = nullptr;                              ///< and below the attribute of this name
};

/// Says that an operator of ONNX computes an activation.
struct OnnxOperator {
  const char* name = nullptr;       ///< null: the activation is written as what its formula does
  int opset = 0;                    ///< the first version of ONNX's operators that has it; 0: every one
  const char* attribute = nullptr;  ///< which holds our first attribute; null: none
  float default_value = 0;          ///< of that attribute, where a file leaves it out
};

/// Holds what formulas say of themselves.
struct ActivationText {
  const char* name = "";         ///< of the op
  const char* module = "";       ///< PyTorch's class, `ReLU`
  const char* description = "";  ///< the formula for readers
  std::array<ActivationAttribute, kMostActivationAttributes> attributes{};
  OnnxOperator onnx{};
  bool unsigned_data_in = false;  ///< OpDeclaration::unsigned_data_in
};

}  // namespace lathe::ir
