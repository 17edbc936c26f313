#pragma once

#include <memory>
#include <string>

#include "lathe/app/named_study.h"
#include "lathe/app/search_setup.h"
#include "lathe/study/closing.h"

/// Studies and their trials as they were run, made again from what is stored.
namespace lathe::app {

/// Holds a stored study ready to evaluate its candidates again.
struct RebuiltStudy {
  StudyPlace place;
  std::optional<study::Closing> closing;
  Request request;  ///< that runs the study
  Search search;
  std::unique_ptr<trial::Evaluator> evaluator;
};

/// Reads data, network, space and settings of a study as its run did; see stored_request. Its base network's weights
/// are given where it has some. Null where `stop` ended that.
std::unique_ptr<RebuiltStudy> rebuild_study(const Request& request, StudyPlace place, const engine::StopToken& stop,
                                            const TakesKey& takes_key = {});

/// Holds a trial of a stored study, its candidate ready to be trained.
struct RebuiltTrial {
  study::Trial trial;
  trial::Prepared prepared;
  bool same_candidate = true;  ///< false: here it is another one than the trial had, so that its bits differ
};

/// Finds trial `number` of a study. Throws UserError where there is none, or it has no parameters of the study's space.
RebuiltTrial rebuild_trial(const RebuiltStudy& study, std::int64_t number);

/// Returns the number of the best trial of a study with one objective. Throws UserError for studies with several,
/// naming the best ones.
std::int64_t best_trial_number(const RebuiltStudy& study);

}  // namespace lathe::app
