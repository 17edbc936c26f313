#pragma once

#include <string>
#include <vector>

#include "lathe/base/profile.h"
#include "lathe/data/dataset.h"
#include "lathe/report/trial_record.h"
#include "lathe/study/final.h"
#include "lathe/study/loop.h"

namespace lathe::app {

/// Holds what a study record says beside the trials.
struct SearchContext {
  const recipe::StudySettings* settings = nullptr;
  const space::SearchSpace* space = nullptr;
  const data::Dataset* dataset = nullptr;
  std::string model, backend, target, accelerator;
  std::string settings_document;
  Profile* profile = nullptr;  ///< of the command; null: none
};

/// Puts a finished study into the plain values that reports are made from.
report::StudyRecord study_record(const SearchContext& context, const study::StudyResult& result,
                                 const std::vector<study::FinalScore>& finals);

}  // namespace lathe::app
