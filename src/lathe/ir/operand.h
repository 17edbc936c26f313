#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace lathe::ir {

/// Lists what of a node can be quantised.
enum class Operand {
  kDataIn,  ///< the values that it reads
  kWeight,
  kBias,
};
inline constexpr std::array kOperands = {Operand::kDataIn, Operand::kWeight, Operand::kBias};

/// Prints `data_in`, `weight` or `bias`: what configuration files put before the options of a number format.
constexpr std::string_view spelling(Operand operand) {
  constexpr std::array<std::string_view, kOperands.size()> kNames = {"data_in", "weight", "bias"};
  return kNames[static_cast<std::size_t>(operand)];
}

/// Splits `weight_frac_width` into operand and option; nullopt for other keys.
constexpr std::optional<std::pair<Operand, std::string_view>> split_operand_key(std::string_view key) {
  for (const Operand operand : kOperands) {
    const std::string_view name = spelling(operand);
    if (key.size() > name.size() && key.starts_with(name) && key[name.size()] == '_')
      return std::pair(operand, key.substr(name.size() + 1));
  }
  return std::nullopt;
}

}  // namespace lathe::ir
