#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/metric/row_parts.h"
#include "lathe/recipe/study_settings.h"

/// What the evaluated rows said of a candidate: kept so that candidates can be compared row by row.
namespace lathe::trial {

/// Most rows of an evaluation that are kept. One bit a row and the letters that write it down are 2 KB then.
inline constexpr std::int64_t kOutcomeRows = 12'000;
/// Most bytes of outcomes that the trials of a study keep, and as many again for the seeds of its race: from there on
/// only trials that no earlier one beats keep theirs.
inline constexpr std::int64_t kOutcomeBytes = std::int64_t{128} << 20;

/// Holds the parts of the first rows in each value that a race compares (raced_values): [values][rows], empty where the
/// value does not vary over the rows, or how is not known.
using Outcomes = std::vector<std::vector<float>>;

/// Computes the outcomes of an evaluation that gave `metrics`: the parts of the rows in the metrics, times the slope of
/// the value in each metric.
Outcomes outcomes_of(const recipe::StudySettings& settings, engine::Session& session,
                     const metric::RowsRequest& request, const std::map<std::string, double>& metrics);

/// Returns the most bytes that the outcomes of one seed take as text.
std::int64_t outcome_bytes(const recipe::StudySettings& settings, std::int64_t rows);

/// Writes outcomes down as text: values of two kinds (right and wrong) as a bit each, others as 16-bit shares of the
/// largest one, in base64.
std::string encode(const Outcomes& outcomes);
/// Reads what `encode` wrote; nullopt for anything else.
std::optional<Outcomes> decode(std::string_view text);

}  // namespace lathe::trial
