#include <fmt/format.h>

#include "lathe/app/tabulate.h"
#include "lathe/base/json.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/table_actions.h"
#include "lathe/cli/terminal.h"

namespace lathe::cli {
namespace {

void report_made(const Invocation& invocation, const app::MadeTable& made) {
  const table::Contents& table = made.contents;
  const table::Files& files = made.files;
  if (invocation.json) {
    const nlohmann::ordered_json json{{"schema_version", table::kSchemaVersion},
                                      {"arrays", files.arrays.string()},
                                      {"document", files.document.string()},
                                      {"candidates", table.assignments.size()},
                                      {"seeds", table.seeds},
                                      {"epochs", table.epochs},
                                      {"diverged", made.diverged},
                                      {"notice", table.facts.notice}};
    print(dump_json(json, 2) + '\n');
    return;
  }
  print(fmt::format("{} candidates x {} seeds x {} epochs{}\n", table.assignments.size(), table.seeds, table.epochs,
                    made.diverged == 0 ? "" : fmt::format("; {} trainings diverged", made.diverged)));
  if (!table.facts.notice.empty()) print(table.facts.notice + '\n');
  print(fmt::format("Written to {} and {}; `lathe table show {}` shows its front\n", files.arrays.string(),
                    files.document.string(), files.document.stem().string()));
}

}  // namespace

ExitCode make_table(const Invocation& invocation) {
  app::TableOptions options{
      .output = invocation.text("--output").value_or(""), .stop = &interrupt_token(), .begun = catch_interrupts};
  options.seeds = invocation.integer("--seeds", 1, kMostSeeds).value_or(options.seeds);
  const auto made = app::make_table(invocation, options);
  if (!made) return ExitCode::kInterrupted;
  report_made(invocation, *made);
  return ExitCode::kSuccess;
}

ExitCode check_table(const Invocation& invocation) {
  app::TableCheckOptions options{
      .table = table_name(invocation), .stop = &interrupt_token(), .begun = catch_interrupts};
  options.candidates = invocation.integer("--candidates", 0).value_or(options.candidates);
  const auto found = app::check_table(invocation, options);
  if (!found) return ExitCode::kInterrupted;
  print(fmt::format("{}: {} of {} candidates trained anew, {} seeds each: every bit as in the table\n", options.table,
                    found->checked, found->candidates, found->seeds));
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
