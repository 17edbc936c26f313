#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/base/error.h"

/// TOML documents as plain values that remember where they were written. Only value.cpp knows toml++.
namespace lathe::config {

class Value;
struct Member;

/// Holds the elements of a TOML array.
using Array = std::vector<Value>;
/// Holds the members of a TOML table in the order of the file.
using Table = std::vector<Member>;

/// Holds one TOML value, its position in the file and its full dotted key (`search.strategy.setup.n_jobs`;
/// array elements as `key[2]`). The accessors `as_...` throw UserError with position and key when the type
/// differs: `study.toml:3:8: n_jobs: expected an integer; got "two"`.
class Value {
 public:
  Value() : data_(Table{}) {}
  using Data = std::variant<bool, std::int64_t, double, std::string, Array, Table>;
  Value(Data data, SourcePosition position, std::string key)
      : data_(std::move(data)), position_(std::move(position)), key_(std::move(key)) {}

  const SourcePosition& position() const { return position_; }
  const std::string& key() const { return key_; }
  const Data& data() const { return data_; }

  bool is_boolean() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_integer() || is_float(); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_table() const { return std::holds_alternative<Table>(data_); }
  /// Tells whether the value is the string "NA", which stands for "none" everywhere in these files.
  bool is_na() const { return is_string() && std::get<std::string>(data_) == "NA"; }

  bool as_boolean() const;
  std::int64_t as_integer() const;
  /// Returns an integer or a float as a double.
  double as_number() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Table& as_table() const;
  Table& as_table();

  /// Finds a member of a table; null when absent (or when this is not a table).
  const Value* find(std::string_view name) const;
  /// Finds by dotted path from here; null when any part is absent.
  const Value* find_path(std::string_view dotted) const;

  /// Throws the UserError `position: key: message`.
  [[noreturn]] void fail(const std::string& message) const;

  /// Prints the value alone as TOML on one line (`[1, 2, "NA"]`).
  std::string to_toml() const;

 private:
  Data data_;
  SourcePosition position_;
  std::string key_;
};

struct Member {
  std::string name;
  Value value;
};

/// Reads a TOML file; a syntax error is a UserError with file, line and column. The path must exist.
Value parse_file(const std::filesystem::path& path);
/// Reads TOML from memory; `file` is the name that errors print.
Value parse_text(std::string_view text, std::string file);

/// Sets `dotted.key` to the TOML value `text` (`--set search.strategy.setup.n_trials=50`), making tables on the way.
/// A bare word that is no TOML value is taken as a string. Position: file "command line".
void set_by_path(Value& root, std::string_view dotted, std::string_view text);

/// Writes a whole table as a TOML document that parse_text reads back.
std::string to_toml_document(const Value& root);

}  // namespace lathe::config
