#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "lathe/app/study_parameters.h"
#include "lathe/app/study_place.h"
#include "lathe/app/study_record.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/base/visible.h"
#include "lathe/cli/study_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/terminal.h"
#include "lathe/report/trials_csv.h"
#include "lathe/study/exchange/export.h"
#include "lathe/study/exchange/import.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string trials_text(std::int64_t count) { return fmt::format("{} trial{}", count, count == 1 ? "" : "s"); }

void print_result(const Invocation& invocation, Json json, const std::string& text) {
  json["schema_version"] = 1;
  if (invocation.json) {
    print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else if (!invocation.quiet) {
    print(text);
  }
}

// Splits `key=value`.
std::pair<std::string, std::string> split(const std::string& text, const std::string& what) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UserError(fmt::format("\"{}\": write {} as key=value", text, what));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<storage::Parameter> typed_parameters(const Invocation& invocation, app::StudyPlace& place) {
  const std::vector<app::StudyParameter> known = app::study_parameters(*place.storage, place.info);
  if (known.empty()) {
    throw UserError(
        fmt::format("the parameters of \"{}\" are not known before one of its trials has run", place.info.name));
  }
  std::vector<storage::Parameter> parameters;
  for (std::size_t i = 2; i < invocation.words.size(); ++i) {
    const auto [key, text] = split(invocation.words[i], "a value");
    storage::Parameter parameter = app::read_parameter(app::find_parameter(known, key), text);
    const bool twice = std::any_of(parameters.begin(), parameters.end(),
                                   [&](const storage::Parameter& other) { return other.name == parameter.name; });
    if (twice) throw UserError(parameter.name, "is given twice");
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

storage::Attributes typed_attributes(const Invocation& invocation) {
  storage::Attributes attributes;
  for (const std::string& text : invocation.texts("--user-attribute")) {
    const auto [key, value] = split(text, "an attribute");
    if (key.starts_with("lathe:")) throw UserError("--user-attribute", fmt::format("{} belongs to lathe", key));
    const Json json = json_or_discarded<Json>(value);
    attributes[key] = (json.is_discarded() ? Json(value) : json).dump(-1, ' ', true, Json::error_handler_t::replace);
  }
  return attributes;
}

// Asks on the terminal; anything but yes is no.
bool confirmed(const std::string& question) {
  std::cerr << visible(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

ExitCode export_study(const Invocation& invocation) {
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  const study::ExportedStudy study = study::load_study(*place.storage, place.info);
  const bool csv = invocation.text("--format") == "csv";
  const std::string text =
      csv ? report::trials_csv(app::stored_record(study.info, study.trials)) : study::export_json(study);
  const auto output = invocation.text("--output");
  if (!output || *output == "-") {
    print_document(text);
    return ExitCode::kSuccess;
  }
  write_text_file_atomically(*output, text);
  const auto count = static_cast<std::int64_t>(study.trials.size());
  print_result(invocation, {{"study", study.info.name}, {"trials", count}, {"path", *output}},
               fmt::format("{} of \"{}\" written to {}\n", trials_text(count), study.info.name, *output));
  return ExitCode::kSuccess;
}

ExitCode import_study_file(const Invocation& invocation) {
  const std::string& path = invocation.words[1];
  study::ExportedStudy study = study::read_export(read_text_file(path), path);
  if (const auto name = invocation.text("--name")) study.info.name = *name;
  if (study.info.name.empty()) throw UserError("--name", "a study needs a name");
  const auto storage = app::open_target_storage(invocation, invocation.text("--storage"));
  const std::string name = study.info.name;
  const auto count = static_cast<std::int64_t>(study.trials.size());
  const study::ImportedStudy imported = study::import_study(*storage, std::move(study));
  if (imported.queued_again > 0) {
    log::warning("{} ran when the study was exported: now waiting to run again", trials_text(imported.queued_again));
  }
  if (imported.renumbered > 0) {
    log::warning("{} renumbered: there were gaps between the numbers", trials_text(imported.renumbered));
  }
  print_result(invocation,
               {{"study", name},
                {"trials", count},
                {"storage", storage->address()},
                {"queued_again", imported.queued_again},
                {"renumbered", imported.renumbered}},
               fmt::format("{} of \"{}\" imported into {}\n", trials_text(count), name, storage->address()));
  return ExitCode::kSuccess;
}

ExitCode delete_study(const Invocation& invocation) {
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  const storage::TrialCounts counts = place.storage->trial_counts()[place.info.study_id];
  const std::string what =
      fmt::format("\"{}\" with {} from {}", place.info.name, trials_text(counts.all()), place.storage->address());
  if (!invocation.has("--yes")) {
    if (!report::is_terminal(STDIN_FILENO) || !report::is_terminal(STDERR_FILENO)) {
      throw UserError(fmt::format("to delete {}, give --yes: there is no terminal to ask on", what));
    }
    const std::int64_t running = counts.in(TrialState::kRunning);
    const std::string warning = running == 0 ? "" : fmt::format(" ({} not ended)", trials_text(running));
    if (!confirmed(fmt::format("Delete {}{}?", what, warning))) {
      print("Nothing was deleted.\n");
      return ExitCode::kSuccess;
    }
  }
  place.storage->delete_study(place.info.study_id);
  print_result(invocation,
               {{"study", place.info.name}, {"trials", counts.all()}, {"storage", place.storage->address()}},
               fmt::format("Deleted {}\n", what));
  return ExitCode::kSuccess;
}

ExitCode enqueue_trial(const Invocation& invocation) {
  if (invocation.words.size() < 3) {
    throw UserError(
        "`lathe study enqueue NAME key=value ...` needs the value of at least one parameter; the others are "
        "chosen by the sampler");
  }
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  const std::vector<storage::Parameter> parameters = typed_parameters(invocation, place);
  const storage::Attributes attributes = typed_attributes(invocation);
  const storage::Trial trial = place.storage->enqueue_trial(place.info.study_id, parameters, attributes);
  Json values = Json::object();
  std::string text;
  for (const storage::Parameter& parameter : parameters) {
    const double code = parameter::code_of_internal(*parameter.distribution, parameter.value).value();
    const std::string value = parameter::to_string(parameter::choice(*parameter.distribution, code));
    values[parameter.name] = value;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", app::short_name(parameter.name), value);
  }
  print_result(invocation, {{"study", place.info.name}, {"number", trial.number}, {"parameters", values}},
               fmt::format("Trial {} of \"{}\" waits with {}; `lathe search --config FILE --study {} --n-trials N` "
                           "runs it, N being {} or more\n",
                           trial.number, place.info.name, text, place.info.name, trial.number + 1));
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
