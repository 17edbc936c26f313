// Formats against vectors that other programs computed: the files of vectors/, and of LATHE_FORMAT_VECTORS.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

namespace fs = std::filesystem;

/// Holds what a format makes of the values of a tensor, and the factors of its gradient.
struct Vectors {
  std::string format;
  Shape shape;
  std::vector<float> x, quantised, slope;
};

std::vector<float> floats_of(std::istringstream& words) {
  std::vector<float> values;
  for (std::string word; words >> word;) values.push_back(std::strtof(word.c_str(), nullptr));
  return values;
}

std::vector<Vectors> read_vectors(const fs::path& path) {
  std::vector<Vectors> all;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what;
    words >> what >> std::ws;
    if (what == "format") std::getline(words, all.emplace_back().format);
    if (what == "shape")
      for (std::int64_t extent = 0; words >> extent;) all.back().shape.push_back(extent);
    if (what == "x") all.back().x = floats_of(words);
    if (what == "quantised") all.back().quantised = floats_of(words);
    if (what == "slope") all.back().slope = floats_of(words);
  }
  return all;
}

std::vector<fs::path> vector_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(LATHE_SOURCE_DIR) / "tests" / "quant" / "vectors"))
    files.push_back(entry.path());
  if (const char* more = std::getenv("LATHE_FORMAT_VECTORS")) files.emplace_back(more);
  return files;
}

TEST(FormatVectors, AreMet) {
  ASSERT_FALSE(vector_files().empty());
  for (const fs::path& path : vector_files()) {
    const std::vector<Vectors> all = read_vectors(path);
    ASSERT_FALSE(all.empty()) << path;
    for (const Vectors& vectors : all) {
      SCOPED_TRACE(path.filename().string() + ": " + vectors.format);
      const auto quantizer = make_quantizer(parse_format(vectors.format));
      std::vector<float> quantised(vectors.x.size()), slope(vectors.x.size(), 1.0f);
      quantizer->quantize(std::span<const float>(vectors.x), std::span<float>(quantised), vectors.shape);
      EXPECT_EQ(quantised, vectors.quantised);
      if (quantizer->changes_gradients())
        quantizer->pass_gradient(TensorView<const float>::parameter(vectors.x.data(), vectors.shape),
                                 TensorView<float>::parameter(slope.data(), vectors.shape));
      EXPECT_EQ(slope, vectors.slope);
    }
  }
}

}  // namespace
}  // namespace lathe::quant
