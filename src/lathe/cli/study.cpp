#include <fmt/format.h>

#include <functional>
#include <set>

#include "lathe/cli/commands.h"
#include "lathe/cli/study_actions.h"

namespace lathe::cli {
namespace {

struct Action {
  std::string name;
  std::string word;             ///< what NAME is; empty: takes none
  std::set<std::string> flags;  ///< the command's own flags that it takes, beside --storage
  std::function<ExitCode(const Invocation&)> run;
  bool takes_values = false;  ///< key=value behind NAME
};

const std::vector<Action>& actions() {
  static const std::vector<Action> list{
      {"list", "", {}, list_studies},
      {"show", "the study", {}, show_study},
      {"trials", "the study", {"--state", "--limit"}, show_trials},
      {"best", "the study", {"--limit"}, show_best},
      {"export", "the study", {"--format", "--output"}, export_study},
      {"import", "the file to import", {"--name"}, import_study_file},
      {"restore", "the study", {}, restore_study},
      {"delete", "the study", {"--yes"}, delete_study},
      {"enqueue", "the study", {"--user-attribute"}, enqueue_trial, true},
  };
  return list;
}

std::vector<std::string> action_names() {
  std::vector<std::string> names;
  for (const Action& action : actions()) names.push_back(action.name);
  return names;
}

// Refuses words and flags that the action does not know: a flag without effect would be a mistake unseen.
void check_words(const Action& action, const Invocation& invocation) {
  const std::size_t given = invocation.words.size();
  if (action.word.empty() && given > 1) {
    throw UserError("command line",
                    fmt::format("`lathe study {}` takes no name; got \"{}\"", action.name, invocation.words[1]));
  }
  if (!action.word.empty() && given < 2) {
    throw UserError("command line",
                    fmt::format("`lathe study {}` needs {}{}", action.name, action.word,
                                action.name == "import" ? "" : "; `lathe study list` shows what there is"));
  }
  if (!action.takes_values && given > 2) {
    throw UserError("command line", fmt::format("\"{}\": one word too many; `lathe study --help` shows the order",
                                                invocation.words[2]));
  }
  for (const auto& [flag, text] : invocation.flags) {
    if (flag == "--storage" || action.flags.contains(flag)) continue;
    throw UserError("command line", fmt::format("{} does not go with `lathe study {}`", flag, action.name));
  }
}

ExitCode run_study(const Invocation& invocation) {
  for (const Action& action : actions()) {
    if (action.name != invocation.words.front()) continue;
    check_words(action, invocation);
    return action.run(invocation);
  }
  throw InternalError("no such action: " + invocation.words.front());
}

}  // namespace

Command study_command() {
  return {
      .name = "study",
      .summary = "Look at stored studies, carry them elsewhere, queue trials",
      .description =
          "Works on the studies of lathe and of every other program that uses Optuna's tables. --storage says where "
          "they are; without it the study file of the project that --config or --project names is taken, and else "
          "the study files of all projects in --project-dir are looked through.\n\n"
          "list shows the studies. show prints what is known of one: objectives, counts of trials, parameters. trials "
          "prints its trials, newest last. best prints the best trial, or the Pareto front where there are several "
          "objectives; trials that break a constraint are left out. export prints a study: json keeps all of it, csv "
          "is for spreadsheets. import reads such a json file into a storage, whole or not at all; trials that ran "
          "while it was exported wait to run again. restore makes the files of a study again (PROJECT/studies/NAME: "
          "its reports, as lathe search writes them, and the weights of the best, trained from their seeds), bit for "
          "bit on the same back end and SIMD target, and refuses with the reason where they would be others; NAME "
          "may be a folder or a file of results, too. delete removes a study for good. enqueue queues a trial by hand: "
          "the values given are fixed, the sampler chooses the others; keys are parameters, written in full or as far "
          "as only one is meant (channel_multiplier, seq_blocks_2.channel_multiplier).",
      .examples = {{"lathe study list", "shows the studies of all projects in ./lathe_output"},
                   {"lathe study show jets --storage postgresql://me@host/studies", "shows one study of a server"},
                   {"lathe study trials jets --state COMPLETE,PRUNED --limit 20", "prints the newest 20 of these"},
                   {"lathe study best jets --json", "prints the best trial, or the front, for a script"},
                   {"lathe study export jets --output jets.json", "keeps all of a study in one file"},
                   {"lathe study import jets.json --storage sqlite:///copy.db --name jets-copy",
                    "makes a study of that file under another name"},
                   {"lathe study enqueue jets seq_blocks_2.channel_multiplier=2 --user-attribute memo=guess",
                    "lets the next run of the study begin with this candidate"},
                   {"lathe study restore jets", "makes the files of a study again, weights included"},
                   {"lathe study delete jets-copy --yes", "deletes without asking"}},
      .words = {{.name = "ACTION", .help = "what to do", .choices = action_names()},
                {.name = "NAME", .help = "study to work on; file to import", .required = false},
                {.name = "KEY=VALUE",
                 .help = "values of parameters of the trial to enqueue",
                 .required = false,
                 .repeats = true}},
      .flags = {{.names = {"--storage"},
                 .value_name = "ADDRESS",
                 .help = "where the studies are: sqlite:///file.db, file.db, postgresql://user@host/database"},
                {.names = {"--state"},
                 .value_name = "STATES",
                 .help = "trials: only those in these states, with commas between: COMPLETE, PRUNED, FAIL, RUNNING, "
                         "WAITING"},
                {.names = {"--limit"},
                 .value_name = "N",
                 .help = "trials: the newest N, 0 for all (100 by default; all with --json). best: the N best (1 by "
                         "default; the whole front where there are several objectives)"},
                {.names = {"--format"},
                 .value_name = "FORMAT",
                 .help = "export: what to write, json by default",
                 .choices = {"csv", "json"}},
                {.names = {"--output"}, .value_name = "FILE", .help = "export: file to write instead of printing"},
                {.names = {"--name"},
                 .value_name = "NAME",
                 .help = "import: name of the study, that of the file by default"},
                {.names = {"--yes"}, .value_name = "", .help = "delete: do not ask"},
                {.names = {"--user-attribute"},
                 .value_name = "KEY=VALUE",
                 .help = "enqueue: notes something with the trial; may be repeated"}},
      .run = run_study};
}

}  // namespace lathe::cli
