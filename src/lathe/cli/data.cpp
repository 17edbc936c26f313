#include <fmt/format.h>

#include <algorithm>

#include "lathe/app/inputs.h"
#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/commands.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/terminal.h"
#include "lathe/data/dataset.h"
#include "lathe/data/fetch.h"
#include "lathe/data/folders.h"
#include "lathe/report/progress.h"
#include "lathe/report/table.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

std::string size_text(std::int64_t size) { return size == 0 ? "the file's" : report::count_text(size); }

ExitCode list_datasets(const Invocation& invocation) {
  Json json = {{"schema_version", 1}, {"datasets", Json::array()}};
  report::Table table(
      {{"name"}, {"features", report::Alignment::kRight}, {"classes", report::Alignment::kRight}, {"what it is"}});
  for (const data::DatasetKind& kind : data::dataset_kinds()) {
    table.add_row({kind.name, size_text(kind.width), size_text(kind.classes), kind.description});
    json["datasets"].push_back({{"name", kind.name},
                                {"aliases", kind.aliases},
                                {"description", kind.description},
                                {"features", kind.width},
                                {"classes", kind.classes},
                                {"url", kind.url},
                                {"file", kind.file_name}});
  }
  print(invocation.json ? dump_json(json, 2) + "\n" : table.to_string(report::style_for(kStandardOutput)));
  return ExitCode::kSuccess;
}

const std::string& dataset_word(const Invocation& invocation) {
  if (invocation.words.size() > 1) return invocation.words[1];
  if (!invocation.settings.dataset.empty()) return invocation.settings.dataset;
  throw UserError(
      fmt::format("`lathe data {}` needs the name of a data set; `lathe data list` shows them", invocation.words[0]));
}

std::vector<std::int64_t> class_counts(const data::Samples& samples, std::int64_t classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const std::int32_t label : samples.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

Json json_of(const data::Dataset& dataset) {
  const data::Fingerprint& facts = dataset.fingerprint;
  Json json = {{"schema_version", 1},
               {"name", dataset.name},
               {"source", facts.source},
               {"path", facts.path},
               {"notice", facts.notice},
               {"hash", facts.hash},
               {"split_seed", facts.split_seed},
               {"train_rows", facts.train_rows},
               {"validation_rows", facts.validation_rows},
               {"test_rows", facts.test_rows}};
  json["preprocessing"] = app::preprocessing_json(dataset.preprocessing);
  json["feature_names"] = dataset.preprocessing.feature_names;
  if (dataset.task == data::Task::kRegression) {
    for (const data::Target& target : dataset.preprocessing.targets) {
      json["targets"].push_back({{"name", target.name}, {"mean", target.mean}, {"deviation", target.deviation}});
    }
    return json;
  }
  json["class_names"] = dataset.preprocessing.class_names;
  json["train_rows_per_class"] = class_counts(dataset.train, dataset.classes);
  json["validation_rows_per_class"] = class_counts(dataset.validation, dataset.classes);
  json["test_rows_per_class"] = class_counts(dataset.test, dataset.classes);
  return json;
}

report::Table class_table(const data::Dataset& dataset) {
  using enum report::Alignment;
  const data::Fingerprint& facts = dataset.fingerprint;
  report::Table table({{"class", kLeft}, {"train", kRight}, {"validation", kRight}, {"test", kRight}});
  const std::vector<std::int64_t> train = class_counts(dataset.train, dataset.classes);
  const std::vector<std::int64_t> validation = class_counts(dataset.validation, dataset.classes);
  const std::vector<std::int64_t> test = class_counts(dataset.test, dataset.classes);
  for (std::size_t i = 0; i < train.size(); ++i) {
    table.add_row({dataset.preprocessing.class_names[i], report::count_text(train[i]),
                   report::count_text(validation[i]), report::count_text(test[i])});
  }
  table.add_rule();
  table.add_row({"all", report::count_text(facts.train_rows), report::count_text(facts.validation_rows),
                 report::count_text(facts.test_rows)});
  return table;
}

report::Table target_table(const data::Dataset& dataset) {
  using enum report::Alignment;
  report::Table table({{"target", kLeft}, {"mean of training rows", kRight}, {"deviation", kRight}});
  for (const data::Target& target : dataset.preprocessing.targets) {
    table.add_row({target.name, report::number_text(target.mean), report::number_text(target.deviation)});
  }
  table.add_rule();
  const data::Fingerprint& facts = dataset.fingerprint;
  table.add_row({fmt::format("{} training, {} validation, {} test rows", report::count_text(facts.train_rows),
                             report::count_text(facts.validation_rows), report::count_text(facts.test_rows)),
                 "", ""});
  return table;
}

// Shows a text, whose 256 classes would say little.
report::Table window_table(const data::Dataset& dataset) {
  using enum report::Alignment;
  report::Table table({{"part", kLeft}, {"windows", kRight}, {"tokens", kRight}});
  const auto add = [&](const char* name, const data::Samples& part) {
    table.add_row({name, report::count_text(part.rows()), report::count_text(part.rows() * part.positions)});
  };
  add("train", dataset.train);
  add("validation", dataset.validation);
  add("test", dataset.test);
  return table;
}

report::Table details_of(const data::Dataset& dataset) {
  if (dataset.task == data::Task::kRegression) return target_table(dataset);
  return dataset.train.positions > 1 ? window_table(dataset) : class_table(dataset);
}

std::string text_of(const data::Dataset& dataset) {
  const data::Fingerprint& facts = dataset.fingerprint;
  std::string text = fmt::format("{}: {}\n", dataset.name, facts.source);
  if (!facts.path.empty()) text += fmt::format("read from {}\n", facts.path);
  const bool regression = dataset.task == data::Task::kRegression;
  const std::string rows =
      dataset.train.shape.empty()
          ? fmt::format("{} features", dataset.train.width)
          : fmt::format("{} of shape {}", dataset.vocabulary > 0 ? "tokens" : "images", to_string(dataset.train.shape));
  text += fmt::format("{}, {} {}, fingerprint {}\n\n", rows, dataset.outputs(), regression ? "targets" : "classes",
                      facts.hash);
  text += details_of(dataset).to_string(report::style_for(kStandardOutput));
  if (!facts.notice.empty()) text += "\n" + facts.notice + "\n";
  return text;
}

ExitCode show_dataset(const Invocation& invocation) {
  const auto dataset = app::read_data(invocation.settings, dataset_word(invocation), {}, invocation.progress);
  print(invocation.json ? dump_json(json_of(*dataset), 2) + "\n" : text_of(*dataset));
  return ExitCode::kSuccess;
}

const data::DatasetKind& kind_to_fetch(const std::string& name) {
  if (const data::DatasetKind* kind = data::dataset_kinds().find(name)) return *kind;
  std::vector<std::string> fetchable;
  for (const data::DatasetKind& kind : data::dataset_kinds())
    if (!kind.url.empty()) fetchable.push_back(kind.name);
  throw UserError(fmt::format("unknown data set \"{}\"{}", name, suggestion(name, fetchable)));
}

/// Downloads go to --data-dir where it is given, else to the user's cache folder.
std::filesystem::path download_folder(const Invocation& invocation) {
  if (!invocation.settings.data_dir.empty()) return invocation.settings.data_dir;
  const std::filesystem::path cache = data::cache_folder();
  if (cache.empty()) throw UserError("there is no home folder to download to; give --data-dir DIR");
  return cache;
}

ExitCode fetch_dataset(const Invocation& invocation) {
  const data::DatasetKind& kind = kind_to_fetch(dataset_word(invocation));
  const std::filesystem::path folder = download_folder(invocation);
  catch_interrupts();
  report::ProgressBar bar({.label = kind.file_name, .total = 0, .unit = "B", .delay_seconds = 0});
  const auto advance = [&](std::int64_t done, std::int64_t total) {
    bar.set_total(total);
    bar.set_done(done);
    return !interrupt_token().requested();
  };
  const auto file = data::fetch_dataset(kind, invocation.text("--url").value_or(""), folder, advance);
  bar.finish();
  if (!file) return ExitCode::kInterrupted;
  const Json json = {{"schema_version", 1},         {"name", kind.name},    {"path", file->path.string()},
                     {"bytes", file->size_bytes},   {"sha256", file->hash}, {"downloaded", file->downloaded},
                     {"first_use", file->first_use}};
  const char* verified = file->first_use ? "recorded beside it at this first use" : "as recorded";
  print(invocation.json ? dump_json(json, 2) + "\n"
                        : fmt::format("{} {} ({} bytes)\nSHA-256 {}, {}\n",
                                      file->downloaded ? "downloaded" : "already there:", file->path.string(),
                                      report::count_text(file->size_bytes), file->hash, verified));
  return ExitCode::kSuccess;
}

ExitCode run_data(const Invocation& invocation) {
  const std::string& action = invocation.words.at(0);
  if (action == "list") return list_datasets(invocation);
  if (action == "show") return show_dataset(invocation);
  return fetch_dataset(invocation);
}

}  // namespace

Command data_command() {
  return {
      .name = "data",
      .summary = "list, inspect and download data sets",
      .description =
          "list shows the data sets that lathe knows. show loads NAME (a known name, or the path of a .csv or "
          ".npy file or of a folder of arrays) as a run would, and prints its rows, classes and fingerprint. "
          "fetch downloads NAME's public file to --data-dir, else to the cache folder (~/.cache/lathe); "
          "its SHA-256 is recorded at first use and checked from then on.",
      .examples = {{"lathe data list", "shows what is known"},
                   {"lathe data show jets", "counts the rows and classes of the bundled jets"},
                   {"lathe data fetch jsc", "downloads the public jet substructure file from CERNBox"}},
      .words = {{.name = "ACTION", .help = "what to do", .choices = {"list", "show", "fetch"}},
                {.name = "NAME", .help = "data set to show or fetch", .required = false}},
      .flags = {{.names = {"--url"}, .value_name = "URL", .help = "download from here instead of the public address"}},
      .run = run_data};
}

}  // namespace lathe::cli
