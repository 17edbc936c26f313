#include "lathe/cli/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lathe/base/error.h"
#include "lathe/report/progress.h"
#include "lathe/report/terminal.h"

namespace lathe::cli {

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) throw SystemError("write", "standard output", std::strerror(errno));
}

void print_error(std::string_view text) noexcept {
  report::ProgressBar::clear_line();
  std::fflush(stdout);
  const bool colour = colour_allowed(STDERR_FILENO);
  std::fprintf(stderr, "%slathe: error:%s %.*s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
               static_cast<int>(text.size()), text.data());
}

bool colour_allowed(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && report::is_terminal(descriptor);
}

}  // namespace lathe::cli
