#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/random.h"

/// Seeded damage to the bytes of a file. Everything is a function of (seed, index).
namespace lathe::mutations {

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::uint64_t index) : stream_(seed, {index}, "mutations") {}

  std::uint64_t below(std::uint64_t bound) { return stream_.below(bound); }
  bool once_in(std::uint64_t times) { return below(times) == 0; }
  template <typename List>
  const auto& pick(const List& list) {
    return list[below(list.size())];
  }

  /// Flips bits, sets telling bytes, cuts, repeats, moves and inserts parts; one to four times.
  std::string bytes(std::string input);
  /// The same for text: words become numbers and words that hurt (beyond every type, negative, of another kind); lines,
  /// quotes and brackets are lost or doubled; once in 200 texts something is opened 100,000 times.
  std::string text(std::string input);
  /// Replaces, removes, doubles or moves values of a JSON document.
  nlohmann::ordered_json json(nlohmann::ordered_json document);
  /// Changes fields of a protobuf message, within messages too, and repairs the lengths around them.
  std::string protobuf(const std::string& input, int depth = 0);
  /// Returns a number or word that readers get wrong.
  std::string hostile_word();

 private:
  void change_bytes(std::string& input);
  void change_text(std::string& input);
  void nest(std::string& input);
  nlohmann::ordered_json hostile_value();

  RandomStream stream_;
};

/// Holds one member of a zip archive.
struct ZipMember {
  std::string name, content;
};
/// Reads the members of an archive that stores them without compression (PyTorch's) or deflates them.
std::vector<ZipMember> read_zip(const std::string& archive);
/// Writes an archive with right lengths and checksums; members are stored, or deflated.
std::string write_zip(const std::vector<ZipMember>& members, bool deflated);
/// Packs a text as gzip does, with right length and checksum.
std::string gzip(const std::string& content);

}  // namespace lathe::mutations
