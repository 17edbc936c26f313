#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

/// One shape for the lists of named things that lathe has: losses, optimisers, samplers, ...
namespace lathe {

/// Holds a fixed list of entries, each with a `name` and, where the type has them, `aliases`. The order is the one in
/// which they are shown.
template <typename Entry>
class Registry {
 public:
  /// `noun` names an entry in messages. Throws InternalError where two entries answer to one name.
  Registry(std::string noun, std::vector<Entry> entries) : noun_(std::move(noun)), entries_(std::move(entries)) {
    for (const Entry& entry : entries_) {
      for (const std::string& name : spellings(entry))
        LATHE_CHECK(find(name) == &entry, "two entries of the list of {}s answer to \"{}\"", noun_, name);
    }
  }

  const std::vector<Entry>& entries() const { return entries_; }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  /// Lists the names without the aliases.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_) all.push_back(entry.name);
    return all;
  }

  /// Lists every name that `find` knows.
  std::vector<std::string> all_spellings() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_)
      for (std::string& name : spellings(entry)) all.push_back(std::move(name));
    return all;
  }

  /// Finds an entry by name or alias; null when there is none.
  const Entry* find(std::string_view name) const {
    for (const Entry& entry : entries_)
      if (answers_to(entry, name)) return &entry;
    return nullptr;
  }

  /// As find. Throws UserError of `key` with the nearest name.
  const Entry& at(std::string_view name, const std::string& key) const {
    if (const Entry* entry = find(name)) return *entry;
    throw UserError(key, fmt::format("unknown {} \"{}\"{}", noun_, name, suggestion(name, names())));
  }

 private:
  static bool answers_to(const Entry& entry, std::string_view name) {
    if (entry.name == name) return true;
    if constexpr (requires { entry.aliases; })
      return std::find(entry.aliases.begin(), entry.aliases.end(), name) != entry.aliases.end();
    return false;
  }

  static std::vector<std::string> spellings(const Entry& entry) {
    std::vector<std::string> all{entry.name};
    if constexpr (requires { entry.aliases; }) all.insert(all.end(), entry.aliases.begin(), entry.aliases.end());
    return all;
  }

  std::string noun_;
  std::vector<Entry> entries_;
};

}  // namespace lathe
