#pragma once

#include "lathe/app/search_record.h"
#include "lathe/app/search_setup.h"

/// The files of a study in its folder.
namespace lathe::app {

/// Returns what the files of a search say beside its trials.
SearchContext search_context(const Search& search, Profile* profile);

/// Copies best.json and log.json to where MASE's scripts look for them. The study has them already: a copy that cannot
/// be written is a warning.
void publish_study(const Search& search);

}  // namespace lathe::app
