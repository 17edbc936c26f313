#include "lathe/cli/interrupt.h"

#include <unistd.h>

#include <csignal>

#include "lathe/base/error.h"

namespace lathe::cli {
namespace {

// Constructed before any signal can arrive; a handler may only touch its lock-free atomic.
engine::StopToken token;

extern "C" void handle_interrupt(int) {
  if (token.requested()) _exit(static_cast<int>(ExitCode::kInterrupted));
  token.request();
  constexpr char kText[] = "\nfinishing; press Ctrl-C again to stop at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof(kText) - 1);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = handle_interrupt;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup's wish is kept
}

engine::StopToken& interrupt_token() { return token; }

}  // namespace lathe::cli
