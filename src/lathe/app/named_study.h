#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lathe/app/request.h"
#include "lathe/app/study_place.h"

/// Studies as people name them, and what was run to make them.
namespace lathe::app {

/// Finds the study that a text means: the folder of a study or of a project with one study, a best.json, log.json or
/// study.json in such a folder (or their copies in PROJECT/search_ckpts), a database file with one study,
/// NAME@ADDRESS, or a name, looked for as find_study does. With `storage` it is a name. Throws UserError where it means
/// none or several.
StudyPlace named_study(const Request& request, const std::optional<std::string>& storage, const std::string& text);

/// Returns the project that a request names by a study file or a project; nullopt without them.
std::optional<std::filesystem::path> typed_project(const Request& request);

/// Tells whether a key of the command line is put over the settings of a study.
using TakesKey = std::function<bool(const std::string& key)>;

/// Returns the request that runs a stored study: its own settings, the command line (not the study file) put over them.
/// Its project is the study's own: that of its folder, else of its database, else of its settings. Paths that the
/// study's run took from where it stood are found from elsewhere, too. Throws UserError for studies of other programs,
/// which store no settings.
Request stored_request(const Request& request, const StudyPlace& place, const TakesKey& takes_key = {});

}  // namespace lathe::app
