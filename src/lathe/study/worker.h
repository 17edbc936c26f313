#pragma once

#include <string>

namespace lathe::study {

/// Describes this process so that another one on the same machine can tell whether it still lives: host, boot, process
/// namespace, process and its start time, as JSON.
std::string worker_text();

/// Tells whether the text describes a process of this machine that has certainly ended. False for other machines, for
/// living processes and where it cannot be known.
bool worker_has_ended(const std::string& worker_text);

}  // namespace lathe::study
