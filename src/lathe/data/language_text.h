#pragma once

#include <filesystem>

#include "lathe/data/prepare.h"

namespace lathe::data {

/// Reads a text file for language modelling, one token a byte. It is cut into windows of request.max_token_len tokens
/// that do not overlap; a window's labels are the tokens that follow each of its tokens, so the last label of a window
/// is the first token of the next. The last tenth of the windows, the end of the file, is the test part. Of the windows
/// before, those that validate are at most ten contiguous blocks, drawn by request.seed. A window that lies beside a
/// window of another part is left out, so that no byte is in two parts. A function of the file and the request alone.
/// Throws DataError for a text of fewer than 20 windows and UserError as split_training_rows.
RawDataset read_language_text(const std::filesystem::path& path, const DatasetRequest& request);

}  // namespace lathe::data
