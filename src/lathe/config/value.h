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
  Array& as_array();
  const Table& as_table() const;
  Table& as_table();

  /// Finds a member of a table; null when absent (or when this is not a table).
  const Value* find(std::string_view name) const;
  /// Finds by dotted path from here (`a.b[2]."c.d"`); null when any part is absent.
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
  SourcePosition key_position = {};  ///< where the name stands; the value's own position is that of the value
};

/// Names the source of a value that was given on the command line, in `SourcePosition::file`.
inline constexpr std::string_view kCommandLine = "command line";

/// Reads a TOML file; a syntax error is a UserError with file, line and column, and so is a path that does not exist.
Value parse_file(const std::filesystem::path& path);
/// Reads TOML from memory; `file` is the name that errors print.
Value parse_text(std::string_view text, std::string file);

/// Returns the value with all its positions replaced.
Value with_position(Value value, const SourcePosition& position);

/// Sets `dotted.key` to the TOML value `text` (`--set search.strategy.setup.n_trials=50`), making tables on the way.
/// Keys are written as errors print them (`model.layers[2].out`); an index must exist. Text that is no TOML value and
/// does not begin with a bracket or a quote is taken as a string. Position: file "command line". Throws UserError.
void set_by_path(Value& root, std::string_view dotted, std::string_view text);

/// Puts a value at a dotted key as set_by_path does; the value keeps its own position and key.
void set_value(Value& root, std::string_view dotted, Value value);

/// Writes a whole table as a TOML document that parse_text reads back: equal values in the same order, except that in
/// every table the members that are not tables come first.
std::string to_toml_document(const Value& root);

}  // namespace lathe::config
