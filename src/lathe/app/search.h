#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lathe/app/request.h"
#include "lathe/app/search_setup.h"
#include "lathe/base/profile.h"
#include "lathe/report/trial_record.h"
#include "lathe/study/loop.h"
#include "lathe/study/open.h"
#include "lathe/trial/evaluate.h"

/// A whole search, from a study file to its files: what `lathe search` does, for any program. Several may run at the
/// same time in threads of one process; messages go to the caller's log (log::Scope). Each plans with the memory that
/// was free when it began: give them max_memory (and trials enough cores) where they share a machine, as separate
/// programs.
namespace lathe::app {

/// Says where a search is kept and what it goes on from.
struct SearchOptions {
  std::optional<std::string> storage = std::nullopt;  ///< address of the database; none: the project's own
  std::optional<std::string> study = std::nullopt;    ///< its name: one that exists is joined; none: a new one
  bool resume = false;                                ///< go on with `study`, or the newest one of the project's name
  std::optional<std::string> warm_start = std::nullopt;  ///< NAME[@ADDRESS] of a study whose trials it begins with
  const engine::StopToken* stop = nullptr;               ///< ends it tidily, with everything found so far
  Profile* profile = nullptr;                            ///< that the calling thread takes part in
  /// Is called once the study is open, before its first trial.
  std::function<void(const study::OpenedStudy&)> begun = {};
};

/// Holds a search whose file, data, network and space were read and found to fit.
struct ReadySearch {
  ReadySearch() = default;
  ReadySearch(const ReadySearch&) = delete;  // the evaluator refers to the search
  ReadySearch& operator=(const ReadySearch&) = delete;

  Search search;
  std::unique_ptr<trial::Evaluator> evaluator;
};

struct SearchResult {
  study::StudyResult study;    ///< trials and which of them are best
  report::StudyRecord record;  ///< the same as plain values, as best.json, log.json and study.json have them
  std::string storage;         ///< address of the database that it is kept in
};

/// Reads everything that a search works on. Writes nothing. Throws UserError and DataError.
std::unique_ptr<ReadySearch> ready_search(const Request& request);

/// Runs a search to its end and writes its files (docs/studies.md). nullopt where `stop` came before the first trial.
/// Throws UserError before anything is written for what does not fit, SystemError where files or the database fail;
/// what was found until then is stored.
std::optional<SearchResult> run_search(const Request& request, ReadySearch& ready, const SearchOptions& options = {});

}  // namespace lathe::app
