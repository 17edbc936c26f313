#pragma once

#include <map>
#include <set>
#include <string>

namespace lathe::onnx {

/// Gives names that no two share, each in constant time on the average.
class UniqueNames {
 public:
  /// Takes a name as it is, taken already or not.
  void reserve(const std::string& name) { taken_.insert(name); }
  bool contains(const std::string& name) const { return taken_.contains(name); }
  /// Returns `wanted`, or the first of `wanted_1`, `wanted_2`, ... that is free, and takes it.
  std::string claim(const std::string& wanted) {
    std::string name = wanted;
    for (int& suffix = next_[wanted]; !taken_.insert(name).second;) name = wanted + "_" + std::to_string(++suffix);
    return name;
  }

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> next_;  ///< the last suffix that was tried
};

}  // namespace lathe::onnx
