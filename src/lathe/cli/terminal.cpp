#include "lathe/cli/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lathe/base/error.h"
#include "lathe/base/visible.h"
#include "lathe/report/progress.h"
#include "lathe/report/terminal.h"

namespace lathe::cli {

namespace {

// A reader that has seen enough (`| head -1`) or a terminal that is gone ends no work: there is only nobody to tell.
bool nobody_reads() { return errno == EPIPE || errno == EIO; }

bool closed = false;
std::string failure;  // of the first text that could not be written

void write_output(std::string_view text) {
  if (closed) return;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  closed = true;
  if (!nobody_reads()) failure = std::strerror(errno);
}

}  // namespace

void print(std::string_view text) { write_output(visible(text)); }

void print_document(std::string_view text) {
  if (report::is_terminal(STDOUT_FILENO))
    print(text);
  else
    write_output(text);
}

void check_output() {
  if (!failure.empty()) throw SystemError("write", "standard output", failure);
}

void print_error(std::string_view message) noexcept {
  report::ProgressBar::clear_line();
  std::fflush(stdout);
  const std::string text = visible(message);
  const bool colour = colour_allowed(STDERR_FILENO);
  std::fprintf(stderr, "%slathe: error:%s %.*s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
               static_cast<int>(text.size()), text.data());
}

bool colour_allowed(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && report::is_terminal(descriptor);
}

}  // namespace lathe::cli
