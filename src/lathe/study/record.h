#pragma once

#include <string>
#include <vector>

#include "lathe/storage/storage.h"
#include "lathe/study/loop.h"

/// Says how trials stand in Optuna's tables.
namespace lathe::study {

/// Returns the active parameters of an assignment, in the order of the space.
std::vector<storage::Parameter> storage_parameters(const parameter::Space& space,
                                                   const parameter::Assignment& assignment);

/// Returns an ended trial as it is stored: state, values and, as user attributes, MASE's four dictionaries
/// (software_metrics, hardware_metrics, scaled_metrics, sampled_config) and lathe's own facts (`lathe:key`, equal for
/// equal candidates, `lathe:reason`, `lathe:untrained`, `lathe:spreads`, `lathe:network`).
storage::Trial storage_trial(const Trial& trial, std::int64_t trial_id);

/// Returns what the study's row says: seed, lag, sampler, data fingerprint with notice, settings document, version.
storage::Attributes study_attributes(const StudySettings& settings, const data::Fingerprint& fingerprint,
                                     const std::string& settings_document);

}  // namespace lathe::study
