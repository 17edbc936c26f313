#include "readers.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <typeinfo>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/checkpoint/checksum.h"
#include "lathe/checkpoint/torch_file.h"
#include "lathe/config/value.h"
#include "lathe/data/dataset.h"
#include "lathe/data/hdf5_records.h"
#include "lathe/data/hdf5_table.h"
#include "lathe/data/npy.h"
#include "lathe/data/npz.h"
#include "lathe/model/zoo.h"
#include "lathe/onnx/import.h"
#include "lathe/recipe/settings.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/report/mase_files.h"
#include "lathe/storage/memory.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/exchange/export.h"
#include "lathe/study/exchange/import.h"
#include "lathe/study/exhaustive/table_journal.h"
#include "lathe/study/record.h"
#include "lathe/table/table.h"
#include "samples.h"
#include "temporary_path.h"

namespace lathe::mutations {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The network that tests/compatibility/files/study.toml searches.
ir::Graph model_of_study() { return model::make_model("jsc-toy", {}); }

// Writes without waiting for the disk: nothing of it has to last.
void write_quickly(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string damage_bytes(Mutator& mutator, const std::string& sample) { return mutator.bytes(sample); }
std::string damage_text(Mutator& mutator, const std::string& sample) { return mutator.text(sample); }

// Damages a document as a tree, or as the text that it is.
std::string damage_json(Mutator& mutator, const std::string& sample) {
  if (mutator.once_in(3)) return mutator.text(sample);
  return dump_json(mutator.json(Json::parse(sample)));
}

void load(const std::string& name, const fs::path& folder, bool regression = false) {
  data::load_dataset(
      {.name = name, .data_dir = folder, .task = regression ? data::Task::kRegression : data::Task::kClassification});
}

// A table of four columns, the class last.
std::string table_text(char separator, bool quoted) {
  std::string text = fmt::format("a{0}b{0}c{0}class\n", separator);
  for (int row = 0; row < 24; ++row) {
    const std::string name = quoted ? fmt::format("\"kind {}\"", row % 3) : fmt::format("kind{}", row % 3);
    text += fmt::format("{1}{0}{2:.3f}{0}{3}e-1{0}{4}\n", separator, row, row * 0.37 - 3, row % 5, name);
  }
  return text;
}

std::string arff_text() {
  std::string text =
      "% a comment\n@RELATION jets\n@ATTRIBUTE 'a b' NUMERIC\n@attribute c real\n@attribute d integer\n"
      "@attribute class {g, q,'w z'}\n@DATA\n";
  for (int row = 0; row < 24; ++row) {
    text += fmt::format("{},{},{},{}\n", row, row * 0.25, row % 7, row % 3 == 0 ? "g" : row % 3 == 1 ? "q" : "'w z'");
  }
  return text;
}

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Images of bytes with labels as ones in rows, and parts of their own.
std::vector<data::NamedArray> image_arrays() {
  std::vector<data::NamedArray> arrays;
  for (const char* part : {"train", "val", "test"}) {
    const std::int64_t rows = part == std::string("train") ? 12 : 6;
    std::vector<std::byte> pixels(static_cast<std::size_t>(rows * 75));
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 37 & 255);
    std::vector<double> ones(static_cast<std::size_t>(rows * 3));
    for (std::int64_t row = 0; row < rows; ++row) ones[static_cast<std::size_t>(3 * row + row % 3)] = 1;
    arrays.push_back({std::string("X_") + part,
                      {.path = {}, .shape = {rows, 3, 5, 5}, .type = data::NpyType::kUint8, .bytes = pixels}});
    arrays.push_back({std::string("y_") + part, data::NpyArray::of<double>({rows, 3}, ones)});
  }
  return arrays;
}

std::vector<data::NamedArray> some_arrays() {
  std::vector<float> rows;
  std::vector<std::int64_t> labels;
  for (int row = 0; row < 24; ++row) {
    for (int column = 0; column < 3; ++column) rows.push_back(static_cast<float>(row * column) * 0.5F);
    labels.push_back(row % 3);
  }
  return {{"X_train", data::NpyArray::of<float>({24, 3}, rows)},
          {"y_train", data::NpyArray::of<std::int64_t>({24}, labels)}};
}

// Members of an archive are damaged within, and packed again with right lengths and checksums.
std::string damage_zip(Mutator& mutator, const std::string& sample) {
  if (mutator.once_in(4)) return mutator.bytes(sample);
  std::vector<ZipMember> members = read_zip(sample);
  ZipMember& member = members[mutator.below(members.size())];
  if (mutator.once_in(8))
    member.name = mutator.text(member.name);
  else
    member.content = mutator.once_in(2) && member.content.size() > 128
                         ? mutator.bytes(member.content.substr(0, 128)) + member.content.substr(128)
                         : mutator.bytes(member.content);
  return write_zip(members, mutator.once_in(2));
}

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}

std::string idx_images(std::uint32_t count) {
  std::string text = big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28);
  for (std::uint32_t i = 0; i < count * 784; ++i) text += static_cast<char>(i * 37);
  return text;
}

std::string idx_labels(std::uint32_t count) {
  std::string text = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) text += static_cast<char>(i % 10);
  return text;
}

// Damage goes where the header is, mostly.
std::string damage_head(Mutator& mutator, const std::string& sample) {
  const std::size_t head = std::min<std::size_t>(sample.size(), 20);
  if (mutator.once_in(4)) return mutator.bytes(sample);
  return mutator.bytes(sample.substr(0, head)) + sample.substr(head);
}

void prepare_mnist(const fs::path& folder) {
  write_text_file_atomically(folder / "train-labels-idx1-ubyte", idx_labels(20));
  write_text_file_atomically(folder / "t10k-images-idx3-ubyte", idx_images(5));
  write_text_file_atomically(folder / "t10k-labels-idx1-ubyte", idx_labels(5));
}

std::string cifar_records(std::size_t count) {
  std::string text;
  for (std::size_t record = 0; record < count; ++record) {
    text += static_cast<char>(record % 10) + std::string(3072, static_cast<char>(record * 7));
  }
  return text;
}

std::string sentences() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("the {} network learns {} words\n", i % 7, i % 11);
  return text;
}

std::string labelled_sentences() {
  std::string text = "sentence\tlabel\n";
  for (int i = 0; i < 24; ++i) text += fmt::format("a film of {} parts, {}\t{}\n", i % 5, i % 3, i % 2);
  return text;
}

// The header of a safetensors file is damaged as JSON; its length is repaired, and where the file is whole its
// checksum.
std::string damage_safetensors(Mutator& mutator, const std::string& sample) {
  if (mutator.once_in(4)) return mutator.bytes(sample);
  std::uint64_t length = 0;
  for (int i = 0; i < 8; ++i)
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(sample[static_cast<std::size_t>(i)])) << (8 * i);
  Json header = Json::parse(sample.substr(8, length));
  Json& metadata = header["__metadata__"];
  auto entry = metadata.begin();
  std::advance(entry, static_cast<std::ptrdiff_t>(mutator.below(metadata.size())));
  std::string text;
  if (mutator.once_in(2)) {
    const std::string value = entry->get<std::string>();
    *entry = value.starts_with("{") && mutator.once_in(2) ? dump_json(mutator.json(Json::parse(value)))
                                                          : mutator.text(value);
    text = dump_json(header);
  } else {
    text = dump_json(mutator.json(header));
  }
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(text.size() >> (8 * i) & 255);
  file += text + sample.substr(8 + length);
  try {
    checkpoint::SafetensorsFile parsed = checkpoint::parse_safetensors(std::as_bytes(std::span(file)), "");
    parsed.metadata.erase("lathe.sha256");
    if (!mutator.once_in(4)) checkpoint::add_checksum(parsed);
    const TemporaryPath place;
    checkpoint::write_safetensors(place.path, parsed);
    return read_text_file(place.path);
  } catch (const Error&) {
    return file;
  }
}

// Reads a table of records where libhdf5 may crash: in a process that ends alone. Its sanitizer's reports on our code
// stand in the errors of the program; the lines that it reached are counted (on exit) once in 16 times.
void read_records_apart(const fs::path& path) {
  static std::uint64_t times = 0;
  const bool counted = times++ % 16 == 0;
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) ::signal(signal, SIG_DFL);
    constexpr unsigned kEndless = 20;
    ::alarm(kEndless);
    try {
      if (data::holds_records(path, "t_allpar_new"))
        data::read_records(path, "t_allpar_new", {"j_zlogz", "j_g"}, [](std::uint64_t, std::span<const float>) {});
    } catch (const std::exception&) {  // an answer
    }
    if (counted) std::exit(0);
    ::_exit(0);
  }
  if (child > 0) ::waitpid(child, nullptr, 0);
}

// Runs statements that damage a row, whatever SQLite takes.
void damage_rows(Mutator& mutator, const fs::path& path) {
  static const std::vector<std::pair<const char*, std::vector<const char*>>> kColumns{
      {"studies", {"study_name"}},
      {"study_directions", {"direction", "objective"}},
      {"study_user_attributes", {"key", "value_json"}},
      {"study_system_attributes", {"key", "value_json"}},
      {"trials", {"number", "state", "datetime_start", "datetime_complete", "study_id"}},
      {"trial_params", {"param_name", "param_value", "distribution_json"}},
      {"trial_values", {"objective", "value", "value_type"}},
      {"trial_intermediate_values", {"step", "intermediate_value", "intermediate_value_type"}},
      {"trial_user_attributes", {"key", "value_json"}},
      {"trial_system_attributes", {"key", "value_json"}}};
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) throw std::runtime_error("the sample is no database");
  sqlite3_exec(database, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF",
               nullptr, nullptr, nullptr);
  for (std::uint64_t i = 1 + mutator.below(2); i > 0; --i) {
    const auto& [table, columns] = mutator.pick(kColumns);
    const std::string column = mutator.pick(columns);
    std::string value;
    const std::string where =
        fmt::format("rowid = (SELECT rowid FROM {} ORDER BY rowid LIMIT 1 OFFSET {})", table, mutator.below(40));
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database, fmt::format("SELECT {} FROM {} WHERE {}", column, table, where).c_str(), -1,
                       &statement, nullptr);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      value = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    const Json document = json_or_discarded<Json>(value);
    const std::uint64_t kind = mutator.below(4);
    if (kind == 0)
      value = mutator.hostile_word();
    else if (!document.is_discarded() && kind < 3)
      value = dump_json(mutator.json(document));
    else
      value = mutator.text(value);
    std::string quoted;
    for (const char letter : value) quoted += letter == '\'' ? std::string("''") : std::string(1, letter);
    const std::string text = mutator.once_in(6) ? "NULL" : "'" + quoted + "'";
    sqlite3_exec(database, fmt::format("UPDATE {} SET {} = {} WHERE {}", table, column, text, where).c_str(), nullptr,
                 nullptr, nullptr);
  }
  sqlite3_close(database);
}

// Reads all that a database holds, as the program does: for its lists, for an export, and to go on with a study.
void read_database(const fs::path& path, const recipe::StudySettings& settings, const space::SearchSpace& space) {
  const auto storage = storage::open_sqlite(path, {.create = false});
  storage->trial_counts();
  for (const storage::StudyInfo& info : storage->studies()) {
    storage->find_study(info.name);
    storage->distributions(info.study_id);
    storage->repeats(info.study_id);
    storage->heartbeats(info.study_id);
    storage->selected_trials(info.study_id, {.states = {TrialState::kComplete}, .newest = 2});
    std::vector<std::int64_t> ids;
    for (const storage::Trial& trial : storage->changed_trials(info.study_id, 2, {1, 2})) ids.push_back(trial.trial_id);
    storage->outcomes(ids);
    const study::ExportedStudy exported = study::load_study(*storage, info);
    study::read_export(study::export_json(exported), "exported");
    for (const storage::Trial& trial : exported.trials) study::read_trial(settings, space, trial);
  }
}

void remove_database(const fs::path& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) remove_file(path.string() + suffix);
}

// The header names the table; lines are damaged with a right checksum behind them, or as they are.
std::string damage_journal(Mutator& mutator, const std::string& sample) {
  const std::size_t first = sample.find('\n') + 1;
  if (mutator.once_in(3)) return sample.substr(0, first) + mutator.text(sample.substr(first));
  std::string text = sample.substr(0, first);
  const std::size_t damaged = mutator.below(6);
  std::size_t line = 0;
  for (std::size_t begin = first, end; (end = sample.find('\n', begin)) != std::string::npos; begin = end + 1, ++line) {
    const std::string whole = sample.substr(begin, end - begin);
    if (line % 6 != damaged) {
      text += whole + '\n';
      continue;
    }
    const std::string changed = dump_json(mutator.json(Json::parse(whole.substr(0, whole.rfind('}') + 1))));
    text += fmt::format("{} {}\n", changed, hash_text(changed).to_hex().substr(0, 16));
  }
  return text;
}

}  // namespace

std::vector<Reader> readers(const fs::path& source) {
  const fs::path old = source / "tests/compatibility/files", checkpoints = source / "tests/checkpoint";
  const auto texts = [](const std::vector<fs::path>& paths) {
    std::vector<std::string> all;
    for (const fs::path& path : paths) all.push_back(read_text_file(path));
    return all;
  };
  const auto dataset = [](const std::string& name, const std::string& file, std::vector<std::string> samples,
                          auto damage) {
    return Reader{.name = name,
                  .file = file,
                  .samples = std::move(samples),
                  .damage = damage,
                  .read = [file](const fs::path& folder) { load((folder / file).string(), {}); }};
  };
  const auto in_folder = [](const std::string& name, const std::string& kind, const std::string& file,
                            std::vector<std::string> samples, auto damage) {
    return Reader{.name = name,
                  .file = file,
                  .samples = std::move(samples),
                  .damage = damage,
                  .read = [kind](const fs::path& folder) { load(kind, folder); }};
  };
  std::vector<Reader> all;
  all.push_back(dataset("csv", "rows.csv", {table_text(',', false), table_text(';', true)}, damage_text));
  all.push_back(dataset("tsv", "rows.tsv", {table_text('\t', false), labelled_sentences()}, damage_text));
  all.push_back(dataset("arff", "rows.arff", {arff_text()}, damage_text));
  all.push_back(dataset("npz", "arrays.npz",
                        {as_text(data::npz_bytes(some_arrays())), as_text(data::npz_bytes(image_arrays()))},
                        damage_zip));

  const auto npy = read_zip(as_text(data::npz_bytes(some_arrays())));
  Reader arrays =
      in_folder("npy", "", "X_train.npy", {npy[0].content}, [](Mutator& mutator, const std::string& sample) {
        return mutator.once_in(4) ? mutator.bytes(sample) : mutator.text(sample.substr(0, 128)) + sample.substr(128);
      });
  arrays.prepare = [labels = npy[1].content](const fs::path& folder) {
    write_text_file_atomically(folder / "y_train.npy", labels);
  };
  arrays.read = [](const fs::path& folder) { load(folder.string() + "/", {}); };
  all.push_back(arrays);

  Reader idx = in_folder("idx", "mnist", "train-images-idx3-ubyte", {idx_images(20)}, damage_head);
  idx.prepare = prepare_mnist;
  all.push_back(idx);
  Reader packed =
      in_folder("idx.gz", "mnist", "train-images-idx3-ubyte.gz", {idx_images(20)},
                [](Mutator& mutator, const std::string& sample) {
                  return mutator.once_in(2) ? mutator.bytes(gzip(sample)) : gzip(damage_head(mutator, sample));
                });
  packed.prepare = prepare_mnist;
  all.push_back(packed);
  all.push_back(in_folder("cifar", "cifar10", "data_batch_1_first4000.bin", {cifar_records(60)}, damage_bytes));
  all.push_back(in_folder("cifar copy", "cifar10", "cifar10_jpeg_train12000.bin", {cifar_records(60)}, damage_bytes));
  all.push_back({.name = "hdf5",
                 .file = "t.h5",
                 .samples = texts({source / "tests/data/h5py_lzf.h5"}),
                 .damage = damage_bytes,
                 .read = [](const fs::path& folder) {
                   data::read_hdf5_table(folder / "t.h5", "t_allpar_new", {"j_zlogz", "j_g"});
                 }});
  all.push_back({.name = "hdf5 records",
                 .file = "t.h5",
                 .samples = all.back().samples,
                 .damage = damage_bytes,
                 .read = [](const fs::path& folder) { read_records_apart(folder / "t.h5"); }});
  Reader language = dataset("text", "book.txt", {sentences()}, damage_text);
  language.read = [](const fs::path& folder) {
    data::load_dataset({.name = (folder / "book.txt").string(), .language_modeling = true, .max_token_len = 8});
  };
  all.push_back(language);

  all.push_back({.name = "safetensors",
                 .file = "m.safetensors",
                 .samples = texts({old / "study/old/search_ckpts/trials/trial_1.safetensors"}),
                 .damage = damage_safetensors,
                 .read = [](const fs::path& folder) { checkpoint::load_model(folder / "m.safetensors"); }});
  const auto graph =
      std::make_shared<ir::Graph>(checkpoint::load_model(old / "training/cut/training_ckpts/last.safetensors").graph);
  all.push_back(
      {.name = "training state",
       .file = "s.safetensors",
       .samples = texts({old / "training/cut/training_ckpts/last.resume.safetensors"}),
       .damage = damage_safetensors,
       .read = [graph](const fs::path& folder) { checkpoint::load_training_state(folder / "s.safetensors", *graph); }});
  all.push_back(
      {.name = "torch",
       .file = "m.pt",
       .samples = texts({checkpoints / "nested.pt", checkpoints / "plain.pt", checkpoints / "protocol5.pt",
                         checkpoints / "views.pt", checkpoints / "lightning.ckpt"}),
       .damage = damage_zip,
       .read = [](const fs::path& folder) { checkpoint::read_torch_file(read_file(folder / "m.pt"), "m.pt"); }});
  all.push_back(
      {.name = "onnx",
       .file = "m.onnx",
       .samples = texts({old / "onnx/float.onnx", old / "onnx/quantised.qdq.onnx", old / "onnx/quantised.qonnx.onnx"}),
       .damage =
           [](Mutator& mutator, const std::string& sample) {
             return mutator.once_in(8) ? mutator.bytes(sample) : mutator.protobuf(sample);
           },
       .read = [](const fs::path& folder) { onnx::import_onnx(folder / "m.onnx"); },
       .prepare =
           [](const fs::path& folder) {
             write_text_file_atomically(folder / kExternalFile, std::string(64, '\x3d'));
           }});
  for (std::string& sample : onnx_samples()) all.back().samples.push_back(std::move(sample));

  std::vector<std::string> studies = texts({old / "study.toml"});
  for (const char* name : {"quickstart", "hyperparameters", "budgets", "jsc_exhaustive"}) {
    studies.push_back(read_text_file(source / "examples" / fmt::format("{}.toml", name)));
  }
  const config::Value first = config::parse_text(studies.front(), "study.toml");
  studies.push_back(recipe::resolved_document(first, recipe::read_settings(first)));
  all.push_back({.name = "toml",
                 .file = "study.toml",
                 .samples = studies,
                 .damage = damage_text,
                 .read = [](const fs::path& folder) {
                   const config::Value root = config::parse_file(folder / "study.toml");
                   recipe::parse_study(root, recipe::read_settings(root));
                   space::parse_space(root, model::make_model(root, {}));
                 }});
  all.push_back({.name = "best.json",
                 .file = "best.json",
                 .samples = texts({old / "study/old/search_ckpts/best.json", source / "tests/report/golden/log.json"}),
                 .damage = damage_json,
                 .read = [](const fs::path& folder) {
                   for (const std::int64_t number : report::saved_trial_numbers(folder / "best.json")) {
                     report::read_saved_trial(folder / "best.json", number);
                   }
                 }});
  const std::string database = read_text_file(old / "study/old/search_ckpts/study.db");
  const auto root = std::make_shared<config::Value>(config::parse_file(old / "study.toml"));
  const auto settings =
      std::make_shared<recipe::StudySettings>(recipe::parse_study(*root, recipe::read_settings(*root)));
  const auto space = std::make_shared<space::SearchSpace>(space::parse_space(*root, model_of_study()));
  std::string exported;
  {
    const TemporaryPath place;
    write_text_file_atomically(place.path, database);
    const auto storage = storage::open_sqlite(place.path, {.create = false});
    exported = study::export_json(study::load_study(*storage, storage->studies().at(0)));
    remove_database(place.path);
  }
  all.push_back({.name = "study import",
                 .file = "study.json",
                 .samples = {exported},
                 .damage = damage_json,
                 .read = [](const fs::path& folder) {
                   study::ExportedStudy read = study::read_export(read_text_file(folder / "study.json"), "study.json");
                   study::import_study(*storage::open_memory(), std::move(read));
                 }});
  const auto read = [settings, space](const fs::path& folder) {
    read_database(folder / "study.db", *settings, *space);
  };
  all.push_back({.name = "database rows",
                 .file = "study.db",
                 .samples = {database},
                 .damage = [](Mutator&, const std::string& sample) { return sample; },
                 .read = read,
                 .damage_in_place =
                     [](Mutator& mutator, const fs::path& folder) {
                       remove_database(folder / "study.db");
                       damage_rows(mutator, folder / "study.db");
                     }});
  all.push_back({.name = "database file",
                 .file = "study.db",
                 .samples = {database},
                 .damage = damage_bytes,
                 .read = read,
                 .damage_in_place = [](Mutator&, const fs::path& folder) { remove_database(folder / "study.db"); }});
  const auto read_table = [](const fs::path& folder) {
    const table::Table loaded = table::Table::load(folder / "table");
    loaded.front();
  };
  Reader document{.name = "table document",
                  .file = "table.json",
                  .samples = table_documents(read_text_file(old / "table.json")),
                  .damage = damage_json,
                  .read = read_table};
  document.prepare = [text = read_text_file(old / "table.npz")](const fs::path& folder) {
    write_text_file_atomically(folder / "table.npz", text);
  };
  all.push_back(document);
  Reader table_arrays{.name = "table arrays",
                      .file = "table.npz",
                      .samples = texts({old / "table.npz"}),
                      .damage = damage_zip,
                      .read = read_table};
  table_arrays.prepare = [text = read_text_file(old / "table.json")](const fs::path& folder) {
    write_text_file_atomically(folder / "table.json", text);
  };
  table_arrays.damage_in_place = [text = read_text_file(old / "table.json")](Mutator&, const fs::path& folder) {
    Json json = Json::parse(text);  // the document's checksum is repaired
    json["arrays_sha256"] = hash_bytes(read_file(folder / "table.npz")).to_hex();
    write_quickly(folder / "table.json", dump_json(json, 1));
  };
  all.push_back(table_arrays);
  const std::string journal = read_text_file(old / "cut-table.part");
  constexpr std::size_t kIdentityAt = sizeof("lathe table ") - 1;
  const auto identity = Digest::from_hex(journal.substr(kIdentityAt, 64)).value();
  all.push_back({.name = "table part",
                 .file = "t.part",
                 .samples = {journal},
                 .damage = damage_journal,
                 .read = [identity](const fs::path& folder) { study::TableJournal(folder / "t.part", identity); }});
  return all;
}

std::string try_sample(const Reader& reader, const fs::path& folder, const std::string& sample) {
  remove_database(folder / reader.file);
  write_quickly(folder / reader.file, sample);
  try {
    reader.read(folder);
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

void write_damaged(const Reader& reader, const fs::path& folder, std::uint64_t seed, std::uint64_t index) {
  Mutator mutator(seed, index);
  const std::string damaged = reader.damage(mutator, reader.samples[index % reader.samples.size()]);
  write_quickly(folder / reader.file, damaged);
  if (reader.damage_in_place) reader.damage_in_place(mutator, folder);
}

std::string try_reader(const Reader& reader, const fs::path& folder, std::uint64_t seed, std::uint64_t index) {
  write_damaged(reader, folder, seed, index);
  try {
    reader.read(folder);
  } catch (const Error& error) {
    return error.exit_code() == ExitCode::kInternal ? error.what() : std::string();
  } catch (const std::exception& error) {
    return fmt::format("{}: {}", typeid(error).name(), error.what());
  }
  return {};
}

}  // namespace lathe::mutations
