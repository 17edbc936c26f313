#pragma once

#include <string>

#include "lathe/base/error.h"

namespace lathe {

/// Runs `action` and returns the text of the UserError that it throws; empty when it throws none.
template <typename Action>
std::string error_text(Action action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace lathe
