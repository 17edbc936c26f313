#pragma once

#include "lathe/cli/command.h"

/// What `lathe study ACTION` does; the words are checked by study.cpp.
namespace lathe::cli {

ExitCode list_studies(const Invocation& invocation);
ExitCode show_study(const Invocation& invocation);
ExitCode show_trials(const Invocation& invocation);
ExitCode show_best(const Invocation& invocation);
ExitCode export_study(const Invocation& invocation);
ExitCode import_study_file(const Invocation& invocation);
ExitCode restore_study(const Invocation& invocation);
ExitCode delete_study(const Invocation& invocation);
ExitCode enqueue_trial(const Invocation& invocation);

}  // namespace lathe::cli
