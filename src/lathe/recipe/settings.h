#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/config/value.h"
#include "lathe/recipe/training.h"

/// The general settings of a run: the top-level keys of a study file, which are also the flags of every command. The
/// names are those of MASE's command line, so that its files and scripts run.
namespace lathe::recipe {

/// Holds the settings that every command sees. The option table (`options()`) says for each what it means, its unit,
/// its bounds and its flag; the defaults stand here.
struct Settings {
  std::string model;                    ///< zoo name or file; empty: none given, or `model_is_table`
  bool model_is_table = false;          ///< the file describes the network in `[model]`
  std::string dataset;                  ///< registered name or path; empty: none given
  std::string task = "classification";  ///< or `cls`, `regression`, `reg`, `language_modeling`, `lm`
  std::string load_name;                ///< checkpoint to start from; empty: fresh weights
  std::string load_type = "auto";
  std::string weights = "fresh";  ///< what candidates of a search begin from
  bool to_debug = false;
  std::string log_level = "info";
  std::int64_t seed = 0;  ///< at least 0

  /// As written: the loss may be `auto` or an alias, and momentum stands there whatever the optimiser reads; see
  /// training_of.
  engine::TrainSettings training = general_training_defaults();

  std::string accelerator = "auto";
  std::string backend = "auto";
  std::int64_t threads = 1;              ///< of one training or evaluation
  std::string trainer_precision = "32";  ///< `32`, `bf16-mixed`, ...: see engine::precision_of

  std::string data_dir;  ///< empty: LATHE_DATA_DIR, then the cache folder
  double validation_fraction = 0.1;
  std::optional<std::int64_t> validation_rows;
  std::optional<std::int64_t> max_train_rows;
  bool standardise = true;
  std::string layout = "auto";       ///< as data::Layout
  std::int64_t max_token_len = 128;  ///< of a row of text
  std::string label;   ///< column of the classes of a table, by name or index; empty: as data/label_column.h says
  std::string target;  ///< MASE's FPGA part; kept to catch one that names a column
  std::vector<std::string> targets;  ///< columns that regression predicts; empty: the data set's own
  bool standardise_targets = true;

  std::string project_dir = "lathe_output";
  std::string project;  ///< empty: `{model}_{task}_{dataset}_{YYYY-MM-DD}`

  /// Where each key that was given came from; keys that are not in here have their default.
  std::map<std::string, SourcePosition, std::less<>> given;
  /// Keys that a file of resolved_document repeats with their defaults: nobody chose them.
  std::set<std::string, std::less<>> repeated;

  /// Tells whether the key was given in the file or on the command line, be it with its default value.
  bool was_given(std::string_view key) const { return given.contains(key); }
  /// Tells whether somebody chose the key's value: it was given, and not as a default in a file that lists all keys.
  bool was_chosen(std::string_view key) const { return was_given(key) && !repeated.contains(key); }
  /// Returns `default`, `study.toml:5:1` or `command line`.
  std::string source_of(std::string_view key) const;
};

/// Says what becomes of a key.
enum class Effect {
  kHonoured,
  kNone,     ///< accepted because MASE has it; a warning says why when it is given another value than the default
  kRefused,  ///< an error that says why, when it is given another value than the default
};

/// Describes one general setting: a top-level key, its flags, or both. One table drives decoding, flags, `--help`, the
/// effective table, the man page, shell completion and docs/reference.
struct Option {
  config::Field<Settings> field;   ///< name, type, allowed values, meaning; for kNone and kRefused only checks the type
  std::vector<std::string> flags;  ///< `--batch-size`; the first is the one that is shown first; empty: file only
  std::string value_name;          ///< `N`, `PATH`; empty: a switch, which sets the key to true
  std::string section;             ///< heading in `--help`
  Effect effect = Effect::kHonoured;
  std::string reason;                ///< why it has no effect or is refused: a clause after "because"
  std::vector<std::string> choices;  ///< all allowed words, for completion; empty: free

  const std::string& key() const { return field.name; }
};

/// Describes a top-level key that holds a table (`[search]`), read by another module.
struct TableKey {
  std::string name;
  std::string description;
  Effect effect = Effect::kHonoured;
  std::string reason;
};

/// Lists the general settings in the order in which they are shown.
const std::vector<Option>& options();
const std::vector<TableKey>& table_keys();
/// Finds by key or by flag (`--cpu`); null when there is none.
const Option* find_option(std::string_view key_or_flag);

/// Makes the value of a flag from its text: `type` as in Field::type. Text that is no such value stays a string, which
/// the check of the key then refuses with the flag's name: `command line: --max-epochs: expected an integer; got
/// "ten"`.
config::Value flag_value(std::string_view type, const std::string& flag, const std::string& text);

/// Reads the general settings from a study file into which the command line has been put (position file
/// "command line"). Keys of MASE without effect are warned of. Throws UserError: an unknown key (nearest shown), a
/// wrong type or value, a refused key.
Settings read_settings(const config::Value& root);

/// Holds the texts of one line of the effective table; empty where nothing was given.
struct SettingLine {
  std::string key, default_text, file_text, command_line_text, effective_text, source;
};

/// Lists every honoured setting and every other one that was given, with all its values. `file` is the study file
/// alone, `root` with the command line put in. `effective` holds, by key, what a command uses in place of a setting.
std::vector<SettingLine> setting_lines(const config::Value& file, const config::Value& root, const Settings& settings,
                                       const std::map<std::string, std::string>& effective = {});

/// Writes what was run as a TOML document that gives the same run again: every general setting with its effective
/// value, then the tables of `root`. Carries `lathe_version`.
std::string resolved_document(const config::Value& root, const Settings& settings);

/// Returns the version of the program, as `lathe_version` and `--version` state it.
std::string_view version();

}  // namespace lathe::recipe
