#include "lathe/base/registry.h"

#include <cctype>

namespace lathe {

std::string common_spelling(std::string_view name, Spelling spelling) {
  if (spelling == Spelling::kExact) return std::string(name);
  std::string text;
  for (const char letter : name) {
    const bool joint = letter == '-' || letter == '_';
    if (spelling == Spelling::kLoose && (joint || letter == ' ')) continue;
    text += joint ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

}  // namespace lathe
