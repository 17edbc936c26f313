#pragma once

#include <filesystem>

#include "lathe/data/prepare.h"

namespace lathe::data {

/// Tells whether `path` is a file of sentences with their classes, or a folder with such a train.tsv: a .tsv or .txt
/// file whose lines have two fields, a tab between them, of which one has blanks inside. Looks at its first 64 KiB.
bool holds_sentences(const std::filesystem::path& path);

/// Reads sentences with their classes, `sentence TAB label` or `label TAB sentence`, the same in all lines; a first
/// line that names the columns is left out. Labels are whole numbers from 0 without gaps, or words (classes in sorted
/// order). A folder holds train.tsv and may hold dev.tsv (or val.tsv, validation.tsv) and test.tsv; what is absent is
/// split off. A row is the first request.max_token_len bytes of the sentence, filled with token 0. Throws DataError
/// with the line: not two fields, an empty sentence or label, a byte 0, a label that no training row has.
RawDataset read_sentences(const std::filesystem::path& path, const DatasetRequest& request);

}  // namespace lathe::data
