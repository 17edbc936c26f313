#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

/// One shape for the lists of named things that lathe has: losses, optimisers, samplers, ...
namespace lathe {

/// Tells which spellings of a name mean the same.
enum class Spelling {
  kExact,
  kHyphens,  ///< case does not count, and underscores are hyphens: `JSC_tiny`, `jsc-tiny`
  kLoose,    ///< case, hyphens, underscores and blanks do not count: `BruteForce`, `brute-force`, `brute_force`
};

/// Returns what all spellings of a name have in common.
std::string common_spelling(std::string_view name, Spelling spelling);

/// Holds a fixed list of entries, each with a `name` and, where the type has them, `aliases`. The order is the one in
/// which they are shown.
template <typename Entry>
class Registry {
 public:
  /// `noun` names an entry in messages. Throws InternalError where two entries answer to one name.
  Registry(std::string noun, std::vector<Entry> entries, Spelling spelling = Spelling::kExact)
      : noun_(std::move(noun)), entries_(std::move(entries)), spelling_(spelling) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      for (const std::string& name : spellings(entries_[i])) {
        LATHE_CHECK(find(name) == nullptr || find(name) == &entries_[i],
                    "two entries of the list of {}s answer to \"{}\"", noun_, name);
        keys_.emplace_back(common_spelling(name, spelling_), i);
      }
    }
  }

  const std::vector<Entry>& entries() const { return entries_; }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }

  /// Lists the names without the aliases.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_) all.push_back(entry.name);
    return all;
  }

  /// Lists every name and alias.
  std::vector<std::string> all_spellings() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_)
      for (std::string& name : spellings(entry)) all.push_back(std::move(name));
    return all;
  }

  /// Finds an entry by name or alias; null when there is none.
  const Entry* find(std::string_view name) const {
    if (spelling_ == Spelling::kExact) return find_key(name);
    return find_key(common_spelling(name, spelling_));
  }

  /// Says that there is no entry of this name, and which is nearest.
  std::string unknown(std::string_view name) const {
    return fmt::format("unknown {} \"{}\"{}", noun_, name, suggestion(name, names()));
  }

  /// As find. Throws UserError of `key` (none: empty) with the nearest name.
  const Entry& at(std::string_view name, const std::string& key = {}) const {
    if (const Entry* entry = find(name)) return *entry;
    if (key.empty()) throw UserError(unknown(name));
    throw UserError(key, unknown(name));
  }

 private:
  static std::vector<std::string> spellings(const Entry& entry) {
    std::vector<std::string> all{entry.name};
    if constexpr (requires { entry.aliases; }) all.insert(all.end(), entry.aliases.begin(), entry.aliases.end());
    return all;
  }

  const Entry* find_key(std::string_view key) const {
    for (const auto& [known, index] : keys_)
      if (known == key) return &entries_[index];
    return nullptr;
  }

  std::string noun_;
  std::vector<Entry> entries_;
  Spelling spelling_;
  std::vector<std::pair<std::string, std::size_t>> keys_;  ///< common spelling -> entry
};

}  // namespace lathe
