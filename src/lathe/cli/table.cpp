#include <fmt/format.h>

#include <functional>
#include <set>

#include "lathe/cli/commands.h"
#include "lathe/cli/table_actions.h"

namespace lathe::cli {
namespace {

struct Action {
  std::string name;
  std::size_t most_words;       ///< the action's own included
  std::set<std::string> flags;  ///< the command's own flags that it takes
  bool needs_study;             ///< works on a study file
  std::function<ExitCode(const Invocation&)> run;
};

const std::vector<Action>& actions() {
  constexpr std::size_t kAny = 1000;
  static const std::vector<Action> list{
      {"make", 1, {"--output", "--seeds", "--n-jobs"}, true, make_table},
      {"show", 2, {"--by"}, false, show_table},
      {"query", kAny, {"--by", "--limit"}, false, query_table},
      {"check", 2, {"--candidates", "--n-jobs"}, true, check_table},
  };
  return list;
}

std::vector<std::string> action_names() {
  std::vector<std::string> names;
  for (const Action& action : actions()) names.push_back(action.name);
  return names;
}

// Refuses words and flags that the action does not know, and a missing study file.
void check_line(const Action& action, const Invocation& invocation) {
  if (invocation.words.size() > action.most_words) {
    throw UserError("command line", fmt::format("\"{}\": one word too many; `lathe table --help` shows the order",
                                                invocation.words[action.most_words]));
  }
  for (const auto& [flag, text] : invocation.flags) {
    if (action.flags.contains(flag)) continue;
    throw UserError("command line", fmt::format("{} does not go with `lathe table {}`", flag, action.name));
  }
  if (!action.needs_study) return;
  if (invocation.config_path.empty()) {
    throw UserError(fmt::format("lathe table {} needs a study file: give --config study.toml", action.name));
  }
  if (invocation.settings.dataset.empty()) {
    throw UserError(fmt::format("lathe table {} needs a data set: dataset = \"NAME\" in the study file", action.name));
  }
}

ExitCode run_table(const Invocation& invocation) {
  const std::string name = invocation.words.empty() ? "make" : invocation.words.front();
  for (const Action& action : actions()) {
    if (action.name != name) continue;
    check_line(action, invocation);
    return action.run(invocation);
  }
  throw InternalError("no such action: " + name);
}

}  // namespace

Command table_command() {
  return {
      .name = "table",
      .summary = "train a whole search space into one table, and ask it without training",
      .description =
          "make (the default) trains every distinct candidate of the search space of a study file with --seeds seeds, "
          "nothing stopped early, and writes NAME.npz (numpy.load reads it: parameters, widths, bits, the metrics of "
          "every seed, curves over the epochs, costs) and NAME.json (what the arrays mean, the data, the settings). "
          "The "
          "files are the same bits whatever --n-jobs says; after Ctrl-C or a crash the same command goes on, from "
          "NAME.part beside them.\n\n"
          "show prints what a table holds and its Pareto front. query prints the candidates with the values that are "
          "given: one of them in full, with its curves, several as a list; keys are parameters, written in full or as "
          "far as only one is meant. check trains some candidates anew and compares every bit: whether this program on "
          "this machine computes what the table says.",
      .examples = {{"lathe table --config examples/table.toml --output jets-table", "trains the table of a study file"},
                   {"lathe table show jets-table --by accuracy,model_size", "prints the front for two metrics"},
                   {"lathe table query jets-table seq_blocks_2.channel_multiplier=2 --limit 5",
                    "prints the five best candidates of this width"},
                   {"lathe table check jets-table --config examples/table.toml --candidates 10",
                    "trains ten of its candidates anew and compares"}},
      .words = {{.name = "ACTION", .help = "what to do", .choices = action_names(), .required = false},
                {.name = "NAME", .help = "the table: NAME, NAME.npz or NAME.json", .required = false},
                {.name = "KEY=VALUE", .help = "query: values of parameters", .required = false, .repeats = true}},
      .flags = {{.names = {"--output"}, .value_name = "NAME", .help = "make: where to write NAME.npz and NAME.json"},
                {.names = {"--seeds"}, .value_name = "N", .help = "make: trainings of every candidate (3 by default)"},
                {.names = {"--n-jobs"},
                 .value_name = "N",
                 .help = "make, check: trainings in parallel, one thread each",
                 .key = "search.strategy.setup.n_jobs",
                 .type = "integer"},
                {.names = {"--by"},
                 .value_name = "METRICS",
                 .help = "show, query: metrics to compare by, with commas between; the study's objectives by default"},
                {.names = {"--limit"},
                 .value_name = "N",
                 .help = "query: the N best, 0 for all (20 by default; all with --json)"},
                {.names = {"--candidates"},
                 .value_name = "N",
                 .help = "check: how many candidates, spread over the table (10 by default; 0: all)"}},
      .run = run_table};
}

}  // namespace lathe::cli
