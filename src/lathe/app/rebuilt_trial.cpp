#include "lathe/app/rebuilt_trial.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/app/backends.h"
#include "lathe/app/project.h"
#include "lathe/app/study_record.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/study/record.h"

namespace lathe::app {

std::unique_ptr<RebuiltStudy> rebuild_study(const Request& request, StudyPlace place, const engine::StopToken& stop,
                                            const TakesKey& takes_key) {
  auto study = std::make_unique<RebuiltStudy>();
  study->request = stored_request(request, place, takes_key);
  study->closing = study::read_closing(place.info);
  study->search = prepare_search(study->request);
  Search& search = study->search;
  search.settings.name = place.info.name;
  study->place = std::move(place);
  study->evaluator =
      std::make_unique<trial::Evaluator>(search.settings, search.space, search.dataset, backends(), search.loaded);
  const std::filesystem::path shared = search_folder(search.project);
  const bool given = give_base_weights(search, *study->evaluator, is_folder(shared) ? shared : "", stop);
  return given ? std::move(study) : nullptr;
}

RebuiltTrial rebuild_trial(const RebuiltStudy& study, std::int64_t number) {
  const std::vector<storage::Trial> trials = study.place.storage->trials(study.place.info.study_id);
  const auto found =
      std::find_if(trials.begin(), trials.end(), [&](const storage::Trial& trial) { return trial.number == number; });
  if (found == trials.end()) {
    throw UserError("--trial", fmt::format("the study \"{}\" has no trial {}: it has {}", study.place.info.name, number,
                                           trials.empty() ? "none" : fmt::format("0 to {}", trials.back().number)));
  }
  study::StoredTrial stored = study::read_trial(study.search.settings, study.search.space, *found);
  if (!stored.in_space || stored.trial.assignment.empty()) {
    throw UserError("--trial", fmt::format("trial {} of \"{}\" has no parameters of the study's space ({})", number,
                                           study.place.info.name, lathe::to_string(stored.trial.state)));
  }
  RebuiltTrial rebuilt{.trial = std::move(stored.trial), .prepared = {}};
  rebuilt.prepared = study.evaluator->prepare(rebuilt.trial.assignment);
  rebuilt.same_candidate = rebuilt.prepared.key == rebuilt.trial.key;
  return rebuilt;
}

std::int64_t best_trial_number(const RebuiltStudy& study) {
  const auto complete =
      study.place.storage->selected_trials(study.place.info.study_id, {.states = {TrialState::kComplete}});
  const std::vector<std::size_t> best = best_stored_trials(study.place.info, complete);
  if (best.size() == 1) return complete[best.front()].number;
  std::vector<std::int64_t> numbers;
  for (const std::size_t index : best) numbers.push_back(complete[index].number);
  throw UserError("--trial", numbers.empty()
                                 ? std::string("is missing: the study has no best trial")
                                 : fmt::format("is missing: the best trials are {}", fmt::join(numbers, ", ")));
}

}  // namespace lathe::app
