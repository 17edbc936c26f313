#include <fmt/format.h>

#include "lathe/app/kept_weights.h"
#include "lathe/app/project.h"
#include "lathe/app/rebuilt_trial.h"
#include "lathe/app/search_files.h"
#include "lathe/app/study_folder.h"
#include "lathe/app/study_record.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/study_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/progress.h"
#include "lathe/report/writer.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "lathe/study/weights.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

// Takes what the study came to beside its trials from its database.
study::StudyResult result_of(const app::StudyPlace& place, const app::Search& search,
                             const std::optional<study::Closing>& closing) {
  study::StudyResult result = study::stored_result(*place.storage, place.info.study_id, search.settings, search.space);
  result.reproducible =
      !place.info.user_attributes.contains(study::kClockAttribute) && !search.settings.depends_on_clock();
  if (!closing) return result;
  result.end = closing->end;
  result.reproducible = closing->reproducible;
  result.wall_seconds = closing->wall_seconds;
  return result;
}

// Gives the trials their standing again: what a race that has ended needs is in the database.
void conclude_race(const app::StudyPlace& place, const app::Search& search,
                   const std::optional<study::Closing>& closing, trial::Evaluator& evaluator,
                   study::StudyResult& result) {
  if (!search.settings.racing || (closing && !closing->raced)) return;
  study::run_race(search.settings, evaluator, *place.storage, place.info.study_id, result, interrupt_token(),
                  [](std::int64_t, std::int64_t) {});
}

void train_again(const app::Search& search, trial::Evaluator& evaluator, study::StudyResult& result,
                 const std::function<bool(const study::Trial&)>& has) {
  report::ProgressBar bar({.label = "weights", .unit = "trainings"});
  study::restore_weights(search.settings, evaluator, result, interrupt_token(), has,
                         [&](std::int64_t done, std::int64_t total) {
                           bar.set_total(total);
                           bar.set_done(done);
                         });
}

// Names the data as the study found them: from another folder they have another path.
void name_data_as_then(const storage::StudyInfo& info, report::StudyRecord& record) {
  const auto stored = info.user_attributes.find("lathe:data");
  if (stored == info.user_attributes.end()) return;
  const auto then = json_or_discarded<nlohmann::json>(stored->second);
  for (auto& [name, value] : record.data) {
    if (then.is_object() && then.contains(name) && then[name].is_string()) value = then[name].get<std::string>();
  }
}

std::string settings_document(const app::StudyPlace& place, const std::optional<study::Closing>& closing) {
  return closing ? closing->settings_document : app::text_attribute(place.info.user_attributes, "lathe:settings");
}

void print_result(const Invocation& invocation, const app::Search& search, const study::StudyResult& result,
                  std::size_t weights) {
  if (invocation.json) {
    const nlohmann::ordered_json json = {{"schema_version", 1},
                                         {"study", search.settings.name},
                                         {"trials", result.trials.size()},
                                         {"weights", weights},
                                         {"folder", search.results.string()}};
    return print(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
  print(fmt::format("Written to {}/: {}, trials/ ({} trial{}, weights of {})\n", search.results.string(),
                    report::reports_in(search.results), result.trials.size(), result.trials.size() == 1 ? "" : "s",
                    weights));
}

}  // namespace

ExitCode restore_study(const Invocation& invocation) {
  catch_interrupts();
  const auto rebuilt = app::rebuild_study(
      invocation, app::named_study(invocation, invocation.text("--storage"), invocation.words[1]), interrupt_token());
  if (!rebuilt) return ExitCode::kInterrupted;
  const app::StudyPlace& place = rebuilt->place;
  const std::optional<study::Closing>& closing = rebuilt->closing;
  trial::Evaluator& evaluator = *rebuilt->evaluator;
  app::Search& search = rebuilt->search;
  search.settings_document = settings_document(place, closing);
  if (const auto project = app::typed_project(invocation)) search.project = *project;
  const fs::path shared = app::search_folder(search.project);
  const study::OpenedStudy study =
      study::open_study(*place.storage, search.settings, app::study_facts(search, evaluator, invocation.config_path),
                        study::Existing::kRestore);
  study::StudyResult result = result_of(place, search, closing);
  conclude_race(place, search, closing, evaluator, result);

  app::StudyFolder folder(search.project, place.storage->address());
  app::KeptWeights weights(search);
  const std::optional<fs::path> there = folder.find(study);
  if (there) search.results = *there;
  train_again(search, evaluator, result, [&](const study::Trial& trial) { return there && weights.has(trial); });
  if (interrupt_token().requested()) {
    log::warning("interrupted: nothing is written");
    return ExitCode::kInterrupted;
  }
  search.results = folder.settle(study);
  weights.finish(result);
  report::StudyRecord record = app::study_record(app::search_context(search, nullptr), result,
                                                 closing ? closing->finals : std::vector<study::FinalScore>());
  if (closing) record.profile = closing->profile;
  name_data_as_then(place.info, record);
  const bool has_copies = is_file(shared / "best.json");  // they may be of a newer study
  if (!has_copies) make_directories(shared);
  report::write_reports(record, search.results);
  write_text_file_atomically(search.results / "settings.toml", search.settings_document);
  if (!has_copies) app::publish_study(search);
  print_result(invocation, search, result, study::trials_to_keep(result, search.settings).size());
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
