#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/onednn/onednn.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/file.h"
#include "lathe/base/hash.h"
#include "lathe/base/random.h"
#include "lathe/checkpoint/safetensors.h"
#include "lathe/cli/program.h"
#include "lathe/metric/metric.h"
#include "lathe/model/zoo.h"
#include "program.h"

// The answers of today, to the bit: searches from the labs' and the examples' files, shortened, and ten steps of
// training of every network of the zoo. A change that must alter them says so in docs/migrating.md and writes
// golden.json anew.
namespace lathe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Golden answers: what they depend on (SIMD target, back end) -> name -> digest.
class Golden {
 public:
  static constexpr const char* kFile = LATHE_SOURCE_DIR "/tests/answers/golden.json";

  Golden() : answers_(Json::parse(read_text_file(kFile))) {}

  /// Compares an answer; where LATHE_WRITE_ANSWERS is set it is written down instead. False where there is no golden
  /// one for this machine.
  bool compare(const std::string& machine, const std::string& name, const Json& answer) {
    if (std::getenv("LATHE_WRITE_ANSWERS") != nullptr) {
      answers_[machine][name] = answer;
      write_text_file_atomically(kFile, answers_.dump(1) + "\n");
      return true;
    }
    if (!answers_.contains(machine)) return false;
    EXPECT_EQ(answers_[machine].value(name, Json()).dump(1), answer.dump(1)) << machine << ", " << name;
    return true;
  }

 private:
  Json answers_;
};

// oneDNN's sums depend on the sizes of the caches, too.
std::string processor() {
  std::ifstream cpus("/proc/cpuinfo");
  std::string text;
  for (std::string line; std::getline(cpus, line) && !line.empty();)
    for (const char* key : {"vendor_id", "cpu family", "model\t", "cache size"})
      if (line.starts_with(key)) text += (text.empty() ? "" : " ") + line.substr(line.find(':') + 2);
  return text.empty() ? "unknown processor" : text;
}

std::string onednn_machine() { return "onednn " + backend::make_onednn_backend()->target() + ", " + processor(); }

bool is_frozen(const std::string& target) { return target == "AVX2" || target == "AVX3"; }

std::string digest(const Json& document) { return hash_text(document.dump()).to_hex().substr(0, 16); }

// Tells whether a study file reads a metric that a clock measures: which of its trials are best differs from run to
// run.
bool reads_a_clock(const std::string& text) {
  for (const metric::MetricKind& kind : metric::metric_kinds())
    if (kind.source == metric::Source::kMeasured && text.find(kind.name) != std::string::npos) return true;
  return false;
}

// Takes out what a clock measures, the values of objectives that may come from it, and whose weights are kept for them.
Json without_clock(const Json& value) {
  if (!value.is_object()) return value;
  Json kept = Json::object();
  for (const auto& [key, member] : value.items()) {
    const metric::MetricKind* kind = metric::find_metric(key);
    const bool measured = kind != nullptr && kind->source == metric::Source::kMeasured;
    if (!measured && !key.starts_with("values_") && key.find("scaled_metrics") == std::string::npos &&
        key.find("spread") == std::string::npos && key != "user_attrs_lathe:weights")
      kept[key] = without_clock(member);
  }
  return kept;
}

// Takes out what differs from run to run or from place to place.
Json without_times(const Json& value) {
  static const std::set<std::string> kLeftOut{
      "datetime_start", "datetime_complete",       "duration",     "seconds",  "planned_bytes", "peak_bytes",
      "memory",         "user_attrs_lathe:memory", "weights_file", "attempts", "wall_seconds"};
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& element : value) list.push_back(without_times(element));
    return list;
  }
  if (!value.is_object()) return value;
  Json kept = Json::object();
  for (const auto& [key, member] : value.items())
    if (!kLeftOut.contains(key) && key.find("time") == std::string::npos && key.find("seconds") == std::string::npos)
      kept[key] = without_times(member);
  return kept;
}

std::string digest_of_weights(const fs::path& folder) {
  std::map<std::string, std::string> files;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".safetensors") files[entry.path().filename()] = entry.path();
  Json all = Json::object();
  for (const auto& [name, path] : files) {
    const auto bytes = read_file(path);
    for (const checkpoint::StoredTensor& tensor : checkpoint::parse_safetensors(bytes, path).tensors)
      all[name][tensor.name] = hash_bytes(tensor.bytes).to_hex();
  }
  return digest(all);
}

fs::path shared_folder() {
  if (const char* data = std::getenv("LATHE_TEST_DATA")) return fs::path(data).parent_path();
  return fs::path(LATHE_SOURCE_DIR).parent_path() / "shared";
}

// A study file as arguments of a short search: few trials, rows and epochs.
std::vector<std::string> short_search(const fs::path& file, const fs::path& folder, const std::string& text) {
  const bool images = text.find("vgg7") != std::string::npos || text.find("fashion") != std::string::npos;
  std::vector<std::string> arguments{"search",
                                     "--config",
                                     file.string(),
                                     "--project-dir",
                                     folder.string(),
                                     "--project",
                                     "p",
                                     "--study",
                                     "s",
                                     "--n-jobs",
                                     "2",
                                     "--quiet",
                                     "--accelerator",
                                     "cpu",
                                     "--max-train-rows",
                                     images ? "16" : "256",
                                     "--validation-rows",
                                     images ? "16" : "128"};
  const auto set = [&](const std::string& setting) {
    arguments.push_back("--set");
    arguments.push_back(setting);
  };
  if (text.find("[search.strategy.exhaustive]") == std::string::npos)
    set(images ? "search.strategy.setup.n_trials=2" : "search.strategy.setup.n_trials=4");
  if (text.find("basic_train") != std::string::npos) {
    set("search.strategy.sw_runner.basic_train.max_epochs=1");
    set("search.strategy.sw_runner.basic_train.num_samples=256");
  }
  if (text.find("basic_evaluation") != std::string::npos)
    set(images ? "search.strategy.sw_runner.basic_evaluation.num_samples=16"
               : "search.strategy.sw_runner.basic_evaluation.num_samples=128");
  const bool found_by_itself = file.parent_path().filename() == "examples" && text.find("vgg7") == std::string::npos;
  if (!found_by_itself && fs::exists(shared_folder() / "data")) {
    arguments.push_back("--data-dir");
    arguments.push_back((shared_folder() / "data").string());
  }
  return arguments;
}

std::vector<fs::path> study_files() {
  std::vector<fs::path> files;
  for (const fs::path& folder : {shared_folder() / "labs", fs::path(LATHE_SOURCE_DIR) / "examples"}) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder, absent))
      if (entry.path().extension() == ".toml" &&
          read_text_file(entry.path()).find("[search.strategy.metrics]") != std::string::npos)
        files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Answers, OfSearchesAreThoseOfBefore) {
  Golden golden;
  std::set<std::string> unknown;
  conformance::for_each_target([&](const std::string& target) {
    if (!is_frozen(target)) return;
    for (const fs::path& file : study_files()) {
      const testing::TemporaryFolder folder;
      const std::string name = file.parent_path().filename() / file.filename();
      const std::string text = read_text_file(file);
      SCOPED_TRACE(target + " " + name);
      ::testing::internal::CaptureStdout();
      ::testing::internal::CaptureStderr();
      const int code = cli::run_program(short_search(file, folder.path(), text));
      ::testing::internal::GetCapturedStdout();
      const std::string errors = ::testing::internal::GetCapturedStderr();
      constexpr int kDataAbsent = 3;
      if (code == kDataAbsent) {
        std::cerr << name << ": its data are absent, nothing was compared\n";
        continue;
      }
      ASSERT_EQ(code, 0) << errors;
      const fs::path study = folder.path() / "p/studies/s";
      const Json best = Json::parse(read_text_file(study / "best.json"));
      const std::string device = best.empty() ? "" : best.front().value("device", "");
      const std::string machine = device.starts_with("onednn") ? onednn_machine() : target;
      const Json trials = without_times(Json::parse(read_text_file(study / "log.json")));
      const Json answer = reads_a_clock(text) ? Json{{"trials", digest(without_clock(trials))}}
                                              : Json{{"best", digest(without_times(best))},
                                                     {"trials", digest(trials)},
                                                     {"weights", digest_of_weights(study / "trials")}};
      if (!golden.compare(machine, name, answer)) unknown.insert(machine);
    }
  });
  for (const std::string& machine : unknown) std::cerr << "no golden answers for " << machine << "\n";
}

data::Samples rows_for(const ir::Graph& graph, const model::ZooEntry& entry, std::int64_t rows) {
  data::Samples samples;
  samples.shape = graph.input().output_shape;
  samples.width = element_count(samples.shape);
  const Shape& output = graph.output().output_shape;
  samples.positions = output.size() == 2 ? output[0] : 1;
  RandomStream stream(1, {}, "answers");
  for (std::int64_t i = 0; i < rows * samples.width; ++i)
    samples.features.push_back(entry.rows == model::Rows::kTexts ? static_cast<float>(stream.below(100))
                                                                 : static_cast<float>(stream.normal()));
  for (std::int64_t i = 0; i < rows * samples.positions; ++i)
    samples.labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(output.back()))));
  return samples;
}

// Trains ten steps of Adam and evaluates. Returns the weights, the moments, and what the evaluation counted.
Json ten_steps(const engine::Backend& backend, const ir::Graph& graph, const data::Samples& samples) {
  constexpr int kSteps = 10;
  const auto count = static_cast<std::uint32_t>(samples.rows());
  const auto session = backend.compile(graph, {.batch_size = count})->make_session();
  session->load(engine::initial_state(graph, 1, 2, 3));
  session->set_optimizer({});
  std::vector<std::uint32_t> rows(count);
  for (std::uint32_t row = 0; row < count; ++row) rows[row] = row;
  double loss = 0;
  for (int step = 0; step < kSteps; ++step) {
    loss += session->accumulate(samples, rows, 1.0 / count, static_cast<std::uint64_t>(step)).loss_sum;
    session->update(1e-3);
  }
  Hasher hasher;
  for (const engine::State& state : {session->state(), session->optimizer_state()})
    for (const engine::NamedTensor& tensor : state) {
      hasher.add_text(tensor.name);
      hasher.add(std::as_bytes(std::span(tensor.values)));
    }
  const engine::EvaluationResult evaluated = session->evaluate(samples, 0, count);
  return {{"weights", hasher.finish().to_hex().substr(0, 16)},
          {"loss", fmt::format("{:a}", loss)},
          {"evaluated", fmt::format("{:a}", evaluated.loss_sum)}};
}

TEST(Answers, OfTenStepsAreThoseOfBefore) {
  Golden golden;
  std::set<std::string> unknown;
  const auto compare = [&](const engine::Backend& backend, const std::string& machine, std::int64_t most_parameters) {
    for (const model::ZooEntry& entry : model::zoo()) {
      const ir::Graph graph = model::make_model(entry.name, entry.usual);
      const engine::State state = engine::initial_state(graph, 1, 2, 3);
      std::int64_t parameters = 0;
      for (const engine::NamedTensor& tensor : state) parameters += static_cast<std::int64_t>(tensor.values.size());
      if (parameters > most_parameters || backend.refusal(graph)) continue;
      const std::int64_t rows = parameters > 1'000'000 ? 4 : 32;
      const Json answer = ten_steps(backend, graph, rows_for(graph, entry, rows));
      if (!golden.compare(machine, "ten steps of " + entry.name, answer)) unknown.insert(machine);
    }
  };
  // The reference is scalar code in double precision: the networks that it does not finish in seconds are left out.
  compare(*backend::make_ref_backend(), "ref", 100'000);
  conformance::for_each_target([&](const std::string& target) {
    if (!is_frozen(target)) return;
    compare(*backend::make_dense_backend(), target, std::numeric_limits<std::int64_t>::max());
  });
  compare(*backend::make_onednn_backend(), onednn_machine(), std::numeric_limits<std::int64_t>::max());
  for (const std::string& machine : unknown) std::cerr << "no golden answers for " << machine << "\n";
}

}  // namespace
}  // namespace lathe
