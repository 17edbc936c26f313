// Trains candidates of candidates.csv whole, nothing stopped early, on as many threads as asked, and prints a line of
// CSV for each when it is done, the costliest first:
//   exhaustive_bench CANDIDATES DATA_DIR [rows N] [epochs N] [batch N] [threads N] [seed N] [only I,J,...]
// The jets of DATA_DIR are repeated to the number of rows. Quantised as `lathe search` does it; Adam, 2e-3, cosine.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lathe/backend/dense/dense.h"
#include "lathe/base/error.h"
#include "lathe/data/dataset.h"
#include "lathe/engine/train.h"
#include "lathe/ir/analysis/costs.h"
#include "lathe/ir/passes/quantize.h"

namespace {

using lathe::quant::GivenOption;

struct Candidate {
  std::uint64_t number = 0;
  std::string hidden_widths;  // "36-40"
  std::int64_t weight_bits = 0, input_bits = 0, hidden_bits = 0;
};

struct Options {
  std::string candidates = {}, data_dir = {};
  std::map<std::string, std::int64_t> numbers{
      {"rows", 789504}, {"epochs", 16}, {"batch", 512}, {"threads", 2}, {"seed", 0}};
  std::set<std::uint64_t> only = {};  // none: all

  std::int64_t number(const char* name) const { return numbers.at(name); }
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

Options read_options(int argc, char** argv) {
  if (argc < 3 || argc % 2 == 0) throw lathe::UserError("exhaustive_bench CANDIDATES DATA_DIR [NAME VALUE]...");
  Options options{.candidates = argv[1], .data_dir = argv[2]};
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "only") {
      for (const std::string& number : split(argv[i + 1], ',')) options.only.insert(std::stoull(number));
    } else if (const auto found = options.numbers.find(name); found != options.numbers.end()) {
      found->second = std::stoll(argv[i + 1]);
    } else {
      throw lathe::UserError("unknown option " + name);
    }
  }
  return options;
}

std::vector<Candidate> read_candidates(const Options& options) {
  std::ifstream file(options.candidates);
  std::vector<Candidate> candidates;
  std::string line;
  std::getline(file, line);  // headings
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = split(line, ',');
    const Candidate candidate{std::stoull(cells.at(0)), cells.at(1), std::stoll(cells.at(2)), std::stoll(cells.at(3)),
                              std::stoll(cells.at(4))};
    if (options.only.empty() || options.only.contains(candidate.number)) candidates.push_back(candidate);
  }
  return candidates;
}

// Inputs (standardised) in [-4, 4), 8-bit biases in [-2, 2). Few bits get a narrow range, or PyTorch's initial weights
// would round to zero and nothing be learned: weights in [-1, 1), below four bits in [-1/2, 1/2); hidden values in [0,
// 8), below four bits in [0, 2).
lathe::ir::NodeQuantization formats(const Candidate& candidate, bool first) {
  const std::int64_t weight = candidate.weight_bits, hidden = candidate.hidden_bits;
  const std::vector<GivenOption> inputs{{"width", candidate.input_bits}, {"frac_width", candidate.input_bits - 3}};
  const std::vector<GivenOption> values{
      {"width", hidden}, {"frac_width", hidden < 4 ? hidden - 1 : hidden - 3}, {"signed", 0}};
  return {.data_in = first ? inputs : values,
          .weight = {{"width", weight}, {"frac_width", weight < 4 ? weight : weight - 1}},
          .bias = {{"width", 8}, {"frac_width", 6}}};
}

lathe::ir::Graph make_graph(const Candidate& candidate, const lathe::data::Dataset& dataset) {
  lathe::ir::GraphBuilder builder("candidate", {dataset.train.width});
  lathe::ir::QuantizeSettings settings;
  std::vector<std::string> widths = split(candidate.hidden_widths, '-');
  widths.push_back(std::to_string(dataset.classes));
  std::int64_t before = dataset.train.width;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::int64_t width = std::stoll(widths[i]);
    const std::string name = "fc" + std::to_string(i + 1);
    builder.add("linear", name, {{"in_features", before}, {"out_features", width}});
    if (i + 1 < widths.size()) builder.add("relu", "relu" + std::to_string(i + 1));
    settings.nodes.push_back({name, formats(candidate, i == 0)});
    before = width;
  }
  return lathe::ir::quantize(std::move(builder).finish(), settings);
}

void repeat_rows(lathe::data::Samples& samples, std::int64_t rows) {
  const std::vector<float> features = samples.features;
  const std::vector<std::int32_t> labels = samples.labels;
  const auto width = static_cast<std::size_t>(samples.width);
  samples.features.resize(static_cast<std::size_t>(rows) * width);
  samples.labels.resize(static_cast<std::size_t>(rows));
  for (std::size_t row = 0; row < samples.labels.size(); ++row) {
    const std::size_t from = row % labels.size();
    samples.labels[row] = labels[from];
    std::copy_n(features.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                samples.features.begin() + static_cast<std::ptrdiff_t>(row * width));
  }
  samples.blocks.clear();
  lathe::data::arrange_blocks(samples);
}

lathe::data::Dataset load(const Options& options) {
  lathe::data::Dataset dataset = *lathe::data::load_dataset({.name = "jets", .data_dir = options.data_dir});
  repeat_rows(dataset.train, options.number("rows"));
  return dataset;
}

lathe::engine::TrainSettings train_settings(const Options& options) {
  lathe::engine::TrainSettings settings;
  settings.learning_rate = 2e-3;
  settings.schedule = "cosine";
  settings.batch_size = options.number("batch");
  settings.max_epochs = options.number("epochs");
  settings.validate_each_epoch = false;
  return settings;
}

class Search {
 public:
  Search(const Options& options, const lathe::data::Dataset& dataset, std::vector<Candidate> candidates)
      : options_(options), dataset_(dataset), candidates_(std::move(candidates)), settings_(train_settings(options)) {
    const auto work = [this](const Candidate& one) {
      return lathe::ir::costs(make_graph(one, dataset_), 1).total.macs;
    };
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [&](const Candidate& a, const Candidate& b) { return work(a) > work(b); });
  }

  void run() {
    fmt::print(
        "candidate,parameters,macs,bitops,weight_bytes,steps,outcome,validation_accuracy,wall_seconds,cpu_seconds\n");
    std::vector<std::thread> threads;
    for (std::int64_t i = 0; i < options_.number("threads"); ++i) threads.emplace_back([this] { take_candidates(); });
    for (std::thread& thread : threads) thread.join();
  }

 private:
  void take_candidates() {
    for (std::size_t i = next_++; i < candidates_.size(); i = next_++) train(candidates_[i]);
  }

  void train(const Candidate& candidate) {
    const lathe::ir::Graph graph = make_graph(candidate, dataset_);
    const auto seed = static_cast<std::uint64_t>(options_.number("seed"));
    const auto session =
        backend_
            ->compile(graph, {.batch_size = lathe::engine::largest_batch(settings_, graph, dataset_.train.rows()),
                              .training = true})
            ->make_session();
    session->load(lathe::engine::initial_state(graph, seed, candidate.number, 0));
    const lathe::engine::StopToken stop;
    const auto report = lathe::engine::train(*session, graph, dataset_, settings_,
                                             {.seed = seed, .candidate = candidate.number, .repeat = 0}, stop);
    const auto result = session->evaluate(dataset_.validation, 0, dataset_.validation.rows());
    print(candidate, graph, report, result.accuracy());
  }

  void print(const Candidate& candidate, const lathe::ir::Graph& graph, const lathe::engine::TrainReport& report,
             double accuracy) {
    const lathe::ir::NodeCosts costs = lathe::ir::costs(graph, 1).total;
    const std::scoped_lock lock(mutex_);
    fmt::print("{},{},{},{:.0f},{:.0f},{},{},{:.6f},{:.3f},{:.3f}\n", candidate.number, costs.parameters, costs.macs,
               costs.bitops, costs.stored_bits / 8, report.steps, to_string(report.outcome), accuracy,
               report.wall_seconds, report.cpu_seconds);
    std::fflush(stdout);
  }

  const Options& options_;
  const lathe::data::Dataset& dataset_;
  std::vector<Candidate> candidates_;
  const lathe::engine::TrainSettings settings_;
  const std::shared_ptr<const lathe::engine::Backend> backend_ = lathe::backend::make_dense_backend();
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    const lathe::data::Dataset dataset = load(options);
    Search(options, dataset, read_candidates(options)).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "exhaustive_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
