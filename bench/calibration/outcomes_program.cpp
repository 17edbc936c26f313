// Trains every candidate of a space of 200 jet networks with many seeds and writes for each which rows it predicts
// rightly: the population from which calibration_program draws studies whose truth is known.
//   calibration_outcomes DATA_DIR FILE [rows N] [train_rows N] [seeds N] [epochs N] [threads N]
// Rows are those of the training part that no network learns from, and the test part's. FILE: a line `candidates seeds
// rows`, then for each candidate its bit operations (a double) and, seed by seed, one bit a row, the lowest first.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
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

using lathe::data::Dataset;
using lathe::data::Samples;

struct Candidate {
  std::int64_t first = 0, second = 0;  // hidden widths
  std::int64_t weight_bits = 0, data_bits = 0;
};

// Holds what is known of a candidate: its cost, and its outcomes, seed by seed.
struct Outcomes {
  double bitops = 0;
  std::vector<std::uint8_t> bits = {};
};

using Numbers = std::map<std::string, std::int64_t>;

std::vector<Candidate> space() {
  std::vector<Candidate> candidates;
  for (const std::int64_t first : {8, 12, 16, 24, 32})
    for (const std::int64_t second : {8, 12, 16, 24, 32})
      for (const std::int64_t weight_bits : {3, 4, 6, 8})
        for (const std::int64_t data_bits : {6, 8}) candidates.push_back({first, second, weight_bits, data_bits});
  return candidates;
}

lathe::ir::NodeQuantization formats(const Candidate& candidate, bool first) {
  const std::int64_t weight = candidate.weight_bits, data = candidate.data_bits;
  lathe::ir::NodeQuantization node{.data_in = {{"width", data}, {"frac_width", data - 3}},
                                   .weight = {{"width", weight}, {"frac_width", weight - 1}},
                                   .bias = {{"width", std::int64_t{8}}, {"frac_width", std::int64_t{6}}}};
  if (!first) node.data_in.emplace_back("signed", std::int64_t{0});
  return node;
}

lathe::ir::Graph make_graph(const Candidate& candidate, const Dataset& dataset) {
  lathe::ir::GraphBuilder builder("candidate", {dataset.train.width});
  lathe::ir::QuantizeSettings settings;
  std::int64_t before = dataset.train.width;
  int layer = 0;
  for (const std::int64_t width : {candidate.first, candidate.second, dataset.classes}) {
    const std::string name = fmt::format("fc{}", ++layer);
    builder.add("linear", name, {{"in_features", before}, {"out_features", width}});
    if (layer < 3) builder.add("relu", fmt::format("relu{}", layer));
    settings.nodes.push_back({name, formats(candidate, layer == 1)});
    before = width;
  }
  return lathe::ir::quantize(std::move(builder).finish(), settings);
}

void append(const Samples& from, std::int64_t first, std::int64_t last, Samples& to) {
  to.width = from.width;
  to.features.insert(to.features.end(), from.features.begin() + first * from.width,
                     from.features.begin() + last * from.width);
  to.labels.insert(to.labels.end(), from.labels.begin() + first, from.labels.begin() + last);
}

// Splits the jets into the rows that networks learn from and the population of those that they are judged by, which
// becomes the validation part.
Dataset load(const std::string& folder, const Numbers& numbers) {
  const auto whole = lathe::data::load_dataset({.name = "jets", .data_dir = folder});
  Dataset dataset = *whole;
  const std::int64_t learned = numbers.at("train_rows");
  dataset.train = dataset.validation = dataset.test = {};
  append(whole->train, 0, learned, dataset.train);
  Samples rest;
  append(whole->train, learned, whole->train.rows(), rest);
  append(whole->validation, 0, whole->validation.rows(), rest);
  append(whole->test, 0, whole->test.rows(), rest);
  if (rest.rows() < numbers.at("rows")) throw lathe::UserError(fmt::format("there are only {} rows", rest.rows()));
  append(rest, 0, numbers.at("rows"), dataset.validation);
  lathe::data::arrange_blocks(dataset.train);
  lathe::data::arrange_blocks(dataset.validation);
  return dataset;
}

class Trainer {
 public:
  Trainer(const Dataset& dataset, const Numbers& numbers)
      : dataset_(dataset), numbers_(numbers), candidates_(space()), outcomes_(candidates_.size()) {
    settings_.learning_rate = 1e-2;
    settings_.schedule = "cosine";
    settings_.batch_size = 128;
    settings_.max_epochs = numbers.at("epochs");
    settings_.validate_each_epoch = false;
  }

  const std::vector<Outcomes>& run() {
    std::vector<std::thread> threads;
    for (std::int64_t i = 0; i < numbers_.at("threads"); ++i)
      threads.emplace_back([this] {
        for (std::size_t next = next_++; next < candidates_.size(); next = next_++) train(next);
      });
    for (std::thread& thread : threads) thread.join();
    return outcomes_;
  }

 private:
  void train(std::size_t index) {
    const lathe::ir::Graph graph = make_graph(candidates_[index], dataset_);
    const auto session =
        backend_->compile(graph, {.batch_size = settings_.batch_size, .training = true})->make_session();
    Outcomes& outcomes = outcomes_[index];
    outcomes.bitops = lathe::ir::costs(graph, 1).total.bitops;
    const lathe::engine::StopToken stop;
    for (std::int64_t seed = 0; seed < numbers_.at("seeds"); ++seed) {
      const lathe::engine::RunIdentity identity{
          .seed = 0, .candidate = index, .repeat = static_cast<std::uint64_t>(seed)};
      session->load(lathe::engine::initial_state(graph, 0, index, identity.repeat));
      lathe::engine::train(*session, graph, dataset_, settings_, identity, stop);
      add_bits(*session, outcomes.bits);
    }
    fmt::print(stderr, "\r{} of {} ", index + 1, candidates_.size());
  }

  void add_bits(lathe::engine::Session& session, std::vector<std::uint8_t>& bits) const {
    const Samples& rows = dataset_.validation;
    const auto classes = static_cast<std::size_t>(dataset_.classes);
    std::vector<float> outputs(rows.labels.size() * classes);
    session.predict(rows, 0, rows.rows(), outputs);
    const std::size_t begin = bits.size();
    bits.resize(begin + (rows.labels.size() + 7) / 8);
    for (std::size_t row = 0; row < rows.labels.size(); ++row) {
      const auto first = outputs.begin() + static_cast<std::ptrdiff_t>(row * classes);
      const auto predicted = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes)) - first;
      if (predicted == rows.labels[row]) bits[begin + row / 8] |= static_cast<std::uint8_t>(1 << (row % 8));
    }
  }

  const Dataset& dataset_;
  const Numbers& numbers_;
  std::vector<Candidate> candidates_;
  std::vector<Outcomes> outcomes_;
  lathe::engine::TrainSettings settings_;
  std::shared_ptr<const lathe::engine::Backend> backend_ = lathe::backend::make_dense_backend();
  std::atomic<std::size_t> next_ = 0;
};

void write(const std::string& path, const Numbers& numbers, const std::vector<Outcomes>& all) {
  std::ofstream file(path, std::ios::binary);
  file << fmt::format("{} {} {}\n", all.size(), numbers.at("seeds"), numbers.at("rows"));
  for (const Outcomes& outcomes : all) {
    file.write(reinterpret_cast<const char*>(&outcomes.bitops), sizeof(outcomes.bitops));
    file.write(reinterpret_cast<const char*>(outcomes.bits.data()), static_cast<std::streamsize>(outcomes.bits.size()));
  }
  if (!file.flush()) throw lathe::UserError("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3 || argc % 2 == 0) throw lathe::UserError("calibration_outcomes DATA_DIR FILE [NAME VALUE]...");
    Numbers numbers{{"rows", 131072}, {"train_rows", 8192}, {"seeds", 40}, {"epochs", 6}, {"threads", 2}};
    for (int i = 3; i + 1 < argc; i += 2) {
      if (!numbers.contains(argv[i])) throw lathe::UserError(std::string("unknown option ") + argv[i]);
      numbers[argv[i]] = std::stoll(argv[i + 1]);
    }
    const Dataset dataset = load(argv[1], numbers);
    write(argv[2], numbers, Trainer(dataset, numbers).run());
  } catch (const std::exception& error) {
    fmt::print(stderr, "calibration_outcomes: {}\n", error.what());
    return 1;
  }
  return 0;
}
