#pragma once

#include <string>
#include <vector>

#include "lathe/storage/storage.h"

/// What the trials of a stored study decide, and values for it that people type.
namespace lathe::app {

struct StudyParameter {
  std::string name;
  /// What it may be. A study of another program may have changed it on the way: the newest comes last.
  std::vector<std::shared_ptr<const parameter::Distribution>> distributions;
  std::string condition = {};  ///< `when PARENT is VALUE`; empty: always there
};

/// Lists the parameters of a study: of lathe's by what the study stores, of other programs' by their trials.
std::vector<StudyParameter> study_parameters(storage::Storage& storage, const storage::StudyInfo& info);

/// Prints `1, 2, 4`, `8 to 64 by 8`, `1e-05 to 0.1, logarithmic`.
std::string values_text(const parameter::Distribution& distribution);
/// Shortens `seq_blocks_2/config/channel_multiplier` to `seq_blocks_2.channel_multiplier`.
std::string short_name(const std::string& name);

/// Finds the parameter that people mean: its full or short name, or a beginning or an end of it (whole words) that no
/// other has: `channel_multiplier`, `seq_blocks_2`. Throws UserError naming the nearest, or those that it may mean.
const StudyParameter& find_parameter(const std::vector<StudyParameter>& parameters, const std::string& typed);

/// Reads a value as people write it: `NA`, `true`, `2`, `0.5`, `output_only`; in double quotes it is a text. Throws
/// UserError, naming what is allowed and the nearest, for any that the parameter cannot have.
storage::Parameter read_parameter(const StudyParameter& parameter, const std::string& text);

}  // namespace lathe::app
