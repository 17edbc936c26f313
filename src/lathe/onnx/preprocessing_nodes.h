#pragma once

#include <optional>
#include <string>

#include "lathe/data/preprocessing.h"
#include "lathe/onnx/document.h"

/// Preprocessing within ONNX files: nodes in front of a network that takes raw rows, nodes behind one whose targets
/// were scaled, and the names and numbers in the file's metadata.
namespace lathe::onnx {

/// Stores a preprocessing and its names in the metadata; `raw_rows` says whether its steps are in the file.
void describe_preprocessing(Document& document, const data::Preprocessing& preprocessing, bool raw_rows);

/// Puts the steps in front of a finished network, and those of the targets behind it: Transpose, Div in float32, then
/// Cast, Sub, Div in double precision and Cast back, so that a runtime computes the very numbers of training. Names of
/// input and output stay those of the file. Throws UnsupportedError where the scaling does not fit the input.
void add_preprocessing_nodes(Document& document, const data::Preprocessing& preprocessing);

/// Returns what a file of ours says of its rows, and takes the steps out of its nodes. Nullopt for files of others;
/// with a warning where the steps are not those that lathe wrote: then the nodes stay as they are.
std::optional<data::Preprocessing> take_preprocessing(Document& document, const std::string& path);

}  // namespace lathe::onnx
