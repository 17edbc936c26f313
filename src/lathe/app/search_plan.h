#pragma once

#include <string>

#include "lathe/app/search_setup.h"
#include "lathe/engine/train.h"
#include "lathe/report/table.h"
#include "lathe/study/exhaustive/plan.h"

namespace lathe::app {

/// Makes the plan of an exhaustive search, with its progress: counts candidates, times a few. Writes nothing.
study::SearchPlan plan_search(const Search& search, trial::Evaluator& evaluator, const engine::StopToken& stop,
                              Progress* progress);

/// Prints a plan as a table for people.
std::string plan_table(const Search& search, const study::SearchPlan& plan, const report::TableStyle& style);
/// Prints a plan as JSON: schema_version, counts and seconds.
std::string plan_json(const Search& search, const study::SearchPlan& plan);

/// Throws UserError, with the time that it would take, for a space that is too large to be trained exhaustively.
/// Nothing where `stop` was requested.
void refuse_endless_search(const Search& search, trial::Evaluator& evaluator, const engine::StopToken& stop,
                           Progress* progress);

/// Prints seconds as people say them: `0.42 s`, `12 s`, `3.4 min`, `5.6 h`, `2.1 days`, `31 years`.
std::string duration_text(double seconds);

}  // namespace lathe::app
