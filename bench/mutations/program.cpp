#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "readers.h"

// mutations_program SOURCE FOLDER READER SEED FIRST COUNT: damages COUNT files for one reader and reads them. Prints a
// line for every finding, and the index of each file before it is read into FOLDER/index, so that the one that ends the
// program is known. With `write` behind them it writes file INDEX into FOLDER/INDEX instead, with what belongs to it,
// and prints the name. `mutations_program SOURCE` lists the readers.
namespace {

// Reading one small file takes milliseconds: longer is a finding, very long ends the program.
constexpr double kSlowSeconds = 10;
constexpr unsigned kEndlessSeconds = 60;

std::uint64_t number(const char* text) { return std::stoull(text); }

int write(const lathe::mutations::Reader& reader, const std::filesystem::path& folder, std::uint64_t seed,
          std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t index = first; index < first + count; ++index) {
    const std::filesystem::path own = folder / std::to_string(index);
    std::filesystem::create_directory(own);
    if (reader.prepare) reader.prepare(own);
    lathe::mutations::write_damaged(reader, own, seed, index);
  }
  std::puts(reader.file.c_str());
  return 0;
}

int run(bool write_only, char** arguments, const std::vector<lathe::mutations::Reader>& readers) {
  const std::string name = arguments[3];
  for (const lathe::mutations::Reader& reader : readers) {
    if (reader.name != name) continue;
    const std::filesystem::path folder = arguments[2];
    const std::uint64_t seed = number(arguments[4]), first = number(arguments[5]), count = number(arguments[6]);
    if (write_only) return write(reader, folder, seed, first, count);
    if (reader.prepare) reader.prepare(folder);
    for (std::uint64_t index = first; index < first + count; ++index) {
      std::ofstream(folder / "index", std::ios::trunc) << index;
      ::alarm(kEndlessSeconds);
      const auto began = std::chrono::steady_clock::now();
      std::string finding = lathe::mutations::try_reader(reader, folder, seed, index);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      if (finding.empty() && seconds > kSlowSeconds) finding = fmt::format("took {:.1f} s", seconds);
      if (!finding.empty()) std::fputs(fmt::format("{}: {}\n", index, finding).c_str(), stdout);
    }
    return 0;
  }
  throw std::runtime_error("there is no reader " + name);
}

}  // namespace

int main(int count, char** arguments) {
  const auto readers = lathe::mutations::readers(arguments[1]);
  if (count == 7) return run(false, arguments, readers);
  if (count == 8 && arguments[7] == std::string("write")) return run(true, arguments, readers);
  for (const lathe::mutations::Reader& reader : readers) std::puts(reader.name.c_str());
  return 0;
}
