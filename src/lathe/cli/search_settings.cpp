#include "lathe/cli/search_settings.h"

#include "lathe/recipe/search_training.h"

namespace lathe::cli {

std::map<std::string, std::string> effective_in_search(const Invocation& invocation) {
  return recipe::effective_training(invocation.root, invocation.settings);
}

}  // namespace lathe::cli
