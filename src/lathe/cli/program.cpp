#include "lathe/cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/help.h"
#include "lathe/cli/invocation.h"
#include "lathe/cli/parse.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/progress.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

// The level is looked up before the settings are read and checked, since reading them may warn.
log::Level terminal_level(const ParsedLine& line, const config::Value& root) {
  const config::Value* debug = root.find("to_debug");
  if (debug != nullptr && debug->is_boolean() && debug->as_boolean()) return log::Level::kDebug;
  if (line.no_warnings) return log::Level::kError;
  if (line.quiet) return log::Level::kWarning;
  const config::Value* level = root.find("log_level");
  if (level == nullptr || level->is_na()) return log::Level::kInfo;
  recipe::Settings only_level;
  recipe::find_option("log_level")->field.read(only_level, *level);
  return log::level_from_name(only_level.log_level);
}

ExitCode run_command(const ParsedLine& line) {
  Invocation invocation = merge_line(line);
  log::log_to_terminal(terminal_level(line, invocation.root), &report::ProgressBar::clear_line);
  read_invocation(*line.command, invocation);
  if (line.command->shows_settings && invocation.talkative() && !invocation.has(line.command->settings_flag)) {
    const report::TableStyle style = report::style_for(STDOUT_FILENO);
    const auto effective = line.command->effective;
    print(effective_table(invocation, style.width, style.unicode,
                          effective ? effective(invocation) : std::map<std::string, std::string>()));
  }
  return line.command->run(invocation);
}

ExitCode run_line(const std::vector<std::string>& arguments) {
  const ParsedLine line = parse_line(arguments);
  if (line.version) {
    print(fmt::format("lathe {}\n", recipe::version()));
    return ExitCode::kSuccess;
  }
  if (line.help) {
    print(line.command == nullptr ? program_help() : command_help(*line.command));
    return ExitCode::kSuccess;
  }
  if (line.command == nullptr) throw UserError("command line", "a command is missing; `lathe --help` lists them");
  return run_command(line);
}

// Without them (`>&-`) the first file that is opened, perhaps a database, would be written on as standard output.
void open_standard_files() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) < 0) return;
  }
}

int fail(const std::string& text, ExitCode code) {
  print_error(text);
  return static_cast<int>(code);
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) noexcept {
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is an error of the write, not the end of the program
  std::signal(SIGPIPE, SIG_IGN);  // nor is an output that nobody reads any more
  open_standard_files();
  try {
    const ExitCode code = run_line(arguments);
    check_output();
    return static_cast<int>(code);
  } catch (const Error& error) {
    return fail(error.what(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory; a smaller batch_size, fewer parallel trials (n_jobs) or trial_memory may help",
                ExitCode::kSystem);
  } catch (const std::exception& error) {
    return fail(InternalError(error.what()).what(), ExitCode::kInternal);
  } catch (...) {
    return fail(InternalError("an exception of no known type").what(), ExitCode::kInternal);
  }
}

}  // namespace lathe::cli
