#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lathe/cli/command.h"
#include "lathe/cli/study_place.h"

/// STUDY, as people name one on the command line, and what was run to make it.
namespace lathe::cli {

/// Finds the study that a text means: the folder of a study or of a project with one study, a best.json, log.json or
/// study.json in such a folder (or their copies in PROJECT/search_ckpts), a database file with one study,
/// NAME@ADDRESS, or a name, looked for as find_study does. With --storage it is a name. Throws UserError where it means
/// none or several.
StudyPlace named_study(const Invocation& invocation, const std::string& text);

/// Returns the project that --config or --project name; nullopt without them.
std::optional<std::filesystem::path> typed_project(const Invocation& invocation);

/// Tells whether a key of the command line is put over the settings of a study.
using TakesKey = std::function<bool(const std::string& key)>;

/// Returns the command line that runs a stored study: its own settings, the command line (not the study file) put over
/// them. Its project is the study's own: that of its folder, else of its database, else of its settings. Paths that
/// the study's run took from where it stood are found from elsewhere, too. Throws UserError for studies of other
/// programs, which store no settings.
Invocation stored_invocation(const Invocation& invocation, const StudyPlace& place, const TakesKey& takes_key = {});

}  // namespace lathe::cli
