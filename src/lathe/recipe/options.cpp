#include <algorithm>

#include "lathe/recipe/settings.h"

namespace lathe::recipe {
namespace {

using config::above;
using config::at_least;
using config::between;
using config::Bounds;
using config::choice_field;
using config::field;
using config::Field;
using config::list_field;
using config::Value;
namespace detail = config::detail;
using Choices = std::vector<std::string>;

const Choices kTasks{"classification", "cls", "regression", "reg", "language_modeling", "lm"};
const Choices kTranslation{"translation", "tran"};

// Reads the task; the one of MASE that is not learned here is refused by name.
void read_task(Settings& out, const Value& value) {
  const std::string& task = value.as_string();
  if (std::find(kTranslation.begin(), kTranslation.end(), task) != kTranslation.end()) {
    value.fail(detail::quoted(task) +
               " is refused, because there are no networks from text to text; use \"classification\", \"regression\" "
               "or \"language_modeling\"");
  }
  detail::check_choice(value, kTasks);
  out.task = task;
}

const Choices kPrecisions{"32", "32-true", "bf16", "bf16-mixed", "16", "16-mixed"};

// Reads the precision, a word or a number; those of Lightning that are never right are refused by name.
void read_precision(Settings& out, const Value& value) {
  const std::string name = value.is_string() ? value.as_string() : std::to_string(value.as_integer());
  if (name == "bf16-true" || name == "16-true") {
    value.fail(detail::quoted(name) +
               " is refused, because weights in half precision lose their small updates; use \"" +
               name.substr(0, name.find('-')) + "-mixed\"");
  }
  if (name == "64" || name == "64-true" || name == "transformer-engine") {
    value.fail(detail::quoted(name) + " is refused, because no back end computes so; use \"32\" or \"bf16-mixed\"");
  }
  detail::check_choice(Value(Value::Data(name), value.position(), value.key()), kPrecisions);
  out.trainer_precision = name;
}

void read_label(Settings& out, const Value& value) {
  out.label = value.is_string() ? value.as_string() : std::to_string(value.as_integer());
}

Option honoured(Field<Settings> field, std::vector<std::string> flags, std::string value_name, std::string section) {
  return {std::move(field), std::move(flags), std::move(value_name), std::move(section), Effect::kHonoured, {}, {}};
}

Option chosen(std::string name, std::string Settings::*member, Choices choices, std::string description,
              std::vector<std::string> flags, std::string value_name, std::string section) {
  Option option = honoured(choice_field(std::move(name), member, choices, std::move(description)), std::move(flags),
                           std::move(value_name), std::move(section));
  option.choices = std::move(choices);
  return option;
}

void check_type(const std::string& type, const Value& value) {
  if (type == "integer") value.as_integer();
  if (type == "number") value.as_number();
  if (type == "boolean") value.as_boolean();
  if (type == "string") value.as_string();
}

// Declares a key of MASE that changes nothing here. `neutral` is its default as TOML.
Option without_effect(std::string name, std::string type, std::string neutral, std::string description,
                      std::vector<std::string> flags, std::string value_name, std::string reason) {
  Field<Settings> field{std::move(name),
                        type,
                        {},
                        std::move(description),
                        [type](Settings&, const Value& value) { check_type(type, value); },
                        [neutral = std::move(neutral)](const Settings&) { return neutral; }};
  return {std::move(field),
          std::move(flags),
          std::move(value_name),
          "MASE's, without effect",
          Effect::kNone,
          std::move(reason),
          {}};
}

Option refused(std::string name, std::string type, std::string neutral, std::string description,
               std::vector<std::string> flags, std::string value_name, std::string reason) {
  Option option = without_effect(std::move(name), std::move(type), std::move(neutral), std::move(description),
                                 std::move(flags), std::move(value_name), std::move(reason));
  option.effect = Effect::kRefused;
  option.section = "MASE's, refused";
  return option;
}

Option option_of(const TrainingSetting& setting) {
  Option option =
      honoured({setting.general, setting.field.type, setting.allowed(Place::kGeneral), setting.field.description,
                [&setting](Settings& out, const Value& value) { setting.read(Place::kGeneral, value, out.training); },
                [&setting](const Settings& in) { return setting.field.show(in.training); }},
               setting.flags, setting.value_name, setting.section);
  option.choices = setting.words;
  return option;
}

// The training settings that have a key at the top of a file, in the order of their list.
void add_training_settings(std::vector<Option>& out, const std::string& section) {
  for (const TrainingSetting& setting : training_settings())
    if (!setting.general.empty() && setting.section == section) out.push_back(option_of(setting));
}

void add_general(std::vector<Option>& out) {
  using S = Settings;
  const std::string section = "General";
  out.push_back(honoured(field("model", &S::model,
                               "network: a name of the zoo, or an ONNX file (FILE.onnx, from the study file's folder), "
                               "which brings its weights along; also the word MODEL; a [model] table describes one "
                               "layer by layer"),
                         {}, "NAME", section));
  out.push_back(honoured(field("dataset", &S::dataset,
                               "data set: a name, or the path of a csv, npy, npz, tsv or txt file; also the word "
                               "DATASET"),
                         {}, "NAME", section));
  Option task = honoured(
      {"task", "string", detail::choices_text(kTasks), "what is learned: classes, numbers or the next token of a text",
       read_task, [](const S& settings) { return detail::quoted(settings.task); }},
      {"--task"}, "TASK", section);
  task.choices = kTasks;
  out.push_back(std::move(task));
  out.push_back(honoured(field("load_name", &S::load_name, "checkpoint to start from"), {"--load"}, "PATH", section));
  out.push_back(chosen("load_type", &S::load_type, {"auto", "mz", "pt", "pl", "hf"},
                       "kept for MASE's files: what a checkpoint is, is told from its content", {"--load-type"}, "TYPE",
                       section));
  out.push_back(
      chosen("weights", &S::weights, {"fresh", "inherit", "net2wider", "trial"},
             "what the candidates of a search begin from: fresh is by the seed, and what of --load fits; trial (`lathe "
             "train --from STUDY` alone) what the study kept of the trial; "
             "inherit and net2wider take the weights of the trained base network (--load, else trained first): "
             "the most important channels of narrower layers, and with net2wider the same function of wider "
             "ones",
             {"--weights"}, "NAME", section));
  add_training_settings(out, section);
  out.push_back(honoured(field("seed", &S::seed, "seed of every random draw", at_least(0)), {"--seed"}, "N", section));
  out.push_back(chosen("log_level", &S::log_level, {"debug", "info", "warning", "error", "critical"},
                       "least severe messages that are shown on standard error", {"--log-level"}, "LEVEL", section));
  out.push_back(
      honoured(field("to_debug", &S::to_debug, "the same as log_level = \"debug\""), {"--debug"}, "", section));
}

void add_runtime(std::vector<Option>& out) {
  using S = Settings;
  out.push_back(chosen("accelerator", &S::accelerator, {"auto", "cpu", "gpu", "cuda", "mps"},
                       "device; one that is absent is an error, never a fallback", {"--accelerator"}, "NAME",
                       "Runtime"));
  out.push_back(honoured(field("backend", &S::backend,
                               "engine: auto is the fastest that supports the network, of those of "
                               "the device; or a name such as dense or ref"),
                         {"--backend"}, "NAME", "Runtime"));
  out.push_back(honoured(field("threads", &S::threads,
                               "threads of one training or evaluation; the last bits of a result may depend on it; "
                               "dense and ref use one",
                               between(1, 4096)),
                         {"--threads"}, "N", "Runtime"));
  Option precision =
      honoured({"trainer_precision", "string or integer", detail::choices_text(kPrecisions),
                "arithmetic: float32, or bfloat16 or float16 with weights and sums in float32; a back "
                "end or device that has it not is an error, never a fallback",
                read_precision, [](const S& settings) { return detail::quoted(settings.trainer_precision); }},
               {"--precision", "--trainer-precision"}, "NAME", "Runtime");
  precision.choices = kPrecisions;
  out.push_back(std::move(precision));
}

void add_data(std::vector<Option>& out) {
  using S = Settings;
  const std::string section = "Data";
  out.push_back(honoured(field("data_dir", &S::data_dir,
                               "folder of the data; otherwise LATHE_DATA_DIR, then the cache "
                               "folder"),
                         {"--data-dir"}, "PATH", section));
  out.push_back(
      honoured(field("validation_fraction", &S::validation_fraction,
                     "share of the training rows that is split off for validation where the data set has no such "
                     "part",
                     Bounds{.low = 0, .high = 1, .low_open = true, .high_open = true}),
               {"--validation-fraction"}, "X", section));
  out.push_back(
      honoured(field("validation_rows", &S::validation_rows, "the exact number instead of the share", at_least(1)),
               {"--validation-rows"}, "N", section));
  out.push_back(
      honoured(field("max_train_rows", &S::max_train_rows, "training rows at most, drawn by the seed", at_least(1)),
               {"--max-train-rows"}, "N", section));
  out.push_back(honoured(field("standardise", &S::standardise,
                               "features to mean 0 and deviation 1 of the training rows; "
                               "--set standardise=false turns it off"),
                         {"--standardise"}, "", section));
  out.push_back(honoured(field("max_token_len", &S::max_token_len,
                               "tokens of a row of text: sentences are cut and filled up, texts are cut into windows "
                               "(MASE's default is 512)",
                               between(1, 1 << 20)),
                         {"--max-token-len"}, "N", section));
  out.push_back(chosen("layout", &S::layout, {"auto", "channels_first", "channels_last"},
                       "where the channels of images and sequences in arrays are: [rows, channels, ...] or [rows, ..., "
                       "channels]; auto: told by the shape, an error where it does not tell",
                       {"--layout"}, "NAME", section));
  out.push_back(honoured({"label",
                          "string or integer",
                          {},
                          "column of a table that holds the classes, by its name or index (0 the first, -1 the last); "
                          "none: the one called label, class or target, else the last",
                          read_label,
                          [](const S& settings) { return detail::quoted(settings.label); }},
                         {"--label"}, "COLUMN", section));
  out.push_back(honoured(list_field("targets", &S::targets,
                                    "columns that regression predicts; none: a table's column target, label or class, "
                                    "else its last one; the y of arrays; with classes, one is the same as label"),
                         {"--targets"}, "LIST", section));
  out.push_back(honoured(field("standardise_targets", &S::standardise_targets,
                               "targets of regression to mean 0 and deviation 1 too, where features are; "
                               "--set standardise_targets=false turns it off"),
                         {"--standardise-targets"}, "", section));
}

void add_project(std::vector<Option>& out) {
  using S = Settings;
  out.push_back(
      honoured(field("project_dir", &S::project_dir, "folder of all projects"), {"--project-dir"}, "PATH", "Project"));
  out.push_back(honoured(field("project", &S::project,
                               "folder of this run inside it; empty: "
                               "{model}_{task}_{dataset}_{YYYY-MM-DD}"),
                         {"--project"}, "NAME", "Project"));
}

void add_without_effect(std::vector<Option>& out) {
  out.push_back(without_effect("report_to", "string", "\"csv\"", "where training curves go", {"--report-to"}, "NAME",
                               "curves are written to history.csv"));
  out.push_back(without_effect("num_workers", "integer", "0", "processes that load data", {"--num-workers", "--cpu"},
                               "N",
                               "the data is in memory; n_jobs in [search.strategy.setup] sets the trials in parallel"));
  out.push_back(without_effect("num_devices", "integer", "1", "devices per run", {"--num-devices", "--gpu"}, "N",
                               "a trial runs on one device"));
  out.push_back(
      without_effect("num_nodes", "integer", "1", "machines per run", {"--nodes"}, "N", "a run uses one machine"));
  out.push_back(without_effect("strategy", "string", "\"auto\"", "distribution of one training", {"--strategy"}, "NAME",
                               "one training is not distributed"));
  out.push_back(without_effect("is_to_auto_requeue", "boolean", "false", "restart under Slurm", {"--auto-requeue"}, "",
                               "a run that was interrupted is continued by hand"));
  out.push_back(without_effect("github_ci", "boolean", "false", "MASE's own tests", {"--github-ci"}, "",
                               "it is for MASE's own tests"));
  out.push_back(without_effect("disable_dataset_cache", "boolean", "false", "reading data without a cache",
                               {"--disable-dataset-cache"}, "", "no data is cached that was not asked for"));
  out.push_back(without_effect("t_max", "integer", "20", "period of MASE's cosine schedule", {}, "N",
                               "the schedule spans the run"));
  Option target = without_effect("target", "string", "\"xcu250-figd2104-2L-e\"", "FPGA that code is made for",
                                 {"--target"}, "NAME", "no FPGA code is made");
  target.field.read = [](Settings& settings, const Value& value) { settings.target = value.as_string(); };
  out.push_back(std::move(target));
  out.push_back(without_effect("num_targets", "integer", "100", "FPGAs that code is made for", {"--num-targets"}, "N",
                               "no FPGA code is made"));
}

void add_refused(std::vector<Option>& out) {
  out.push_back(refused("is_pretrained", "boolean", "false", "weights from the internet", {"--pretrained"}, "",
                        "there are no pretrained weights to download; give a checkpoint by load_name"));
  out.push_back(refused("quant_config", "string", "\"NA\"", "quantisation of MASE's manual models", {"--quant-config"},
                        "PATH", "the zoo has no manually quantised models; use [passes.quantize] or a search space"));
}

std::vector<Option> make_options() {
  std::vector<Option> out;
  add_general(out);
  add_training_settings(out, "Training");
  add_training_settings(out, "Augmentation of training images");
  add_runtime(out);
  add_data(out);
  add_project(out);
  add_without_effect(out);
  add_refused(out);
  return out;
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> table = make_options();
  return table;
}

const std::vector<TableKey>& table_keys() {
  static const std::vector<TableKey> table{
      {"model", "a network described layer by layer, instead of the name of one", Effect::kHonoured, {}},
      {"passes", "changes to the network, in the order of the file: `lathe transform` only", Effect::kHonoured, {}},
      {"search", "search space, strategy and final scoring: `lathe search` only", Effect::kHonoured, {}},
      {"transform", "MASE's choice between graph and module passes", Effect::kNone, "all passes work on the graph"},
  };
  return table;
}

const Option* find_option(std::string_view key_or_flag) {
  for (const Option& option : options()) {
    if (option.key() == key_or_flag) return &option;
    for (const std::string& flag : option.flags) {
      if (flag == key_or_flag) return &option;
    }
  }
  return nullptr;
}

}  // namespace lathe::recipe
