#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lathe/base/shape.h"
#include "lathe/table/contents.h"

/// The JSON part of a table.
namespace lathe::table {

/// Describes one array of the .npz file for readers of the document.
struct ArrayDescription {
  std::string name, type;
  Shape shape;
  std::string meaning;
};

/// Prints the document: what Contents holds beside the arrays, their descriptions, and the SHA-256 of their file.
std::string document_of(const Contents& contents, const std::vector<ArrayDescription>& arrays,
                        const std::string& arrays_sha256);

/// Holds what a document says.
struct Document {
  Contents contents;  ///< without the arrays
  std::vector<std::string> costs, metrics, curves;
  std::string arrays_sha256;  ///< hexadecimal
};
/// Reads a document; `path` is what errors print. Throws DataError.
Document parse_document(const std::string& text, const std::string& path);

}  // namespace lathe::table
