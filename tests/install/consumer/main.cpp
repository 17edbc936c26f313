#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lathe/app/export.h"
#include "lathe/app/search.h"
#include "lathe/app/test.h"
#include "lathe/app/train.h"
#include "lathe/ir/analysis/costs.h"
#include "lathe/model/zoo.h"

namespace {

// Runs a short search of a study file with a seed of its own. Returns the best value, or why there is none.
std::string search(const std::string& study_file, const std::string& folder, int seed) {
  try {
    const lathe::app::Request request =
        lathe::app::read_request(study_file, {{"project_dir", '"' + folder + '"'},
                                              {"project", "\"seed-" + std::to_string(seed) + '"'},
                                              {"seed", std::to_string(seed)},
                                              {"max_train_rows", "512"},
                                              {"search.strategy.setup.n_trials", "3"}});
    const auto ready = lathe::app::ready_search(request);
    const auto found = lathe::app::run_search(request, *ready);
    return found ? std::to_string(found->study.trials.size()) + " trials in " + found->record.name : "interrupted";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// Trains the network of a study file for a moment, tests its weights and writes them for other programs.
std::string train(const std::string& study_file, const std::string& folder) {
  try {
    lathe::app::Request request = lathe::app::read_request(study_file, {{"project_dir", '"' + folder + '"'},
                                                                        {"project", "\"trained\""},
                                                                        {"max_train_rows", "512"},
                                                                        {"max_epochs", "1"}});
    lathe::app::TrainingJob job = lathe::app::ready_training(request);
    lathe::app::train_network(request, job);
    request.settings.load_name = lathe::app::TrainingFiles(job.folder).best.string();
    const lathe::app::TestResult tested = lathe::app::test_network(request);
    const lathe::app::ExportResult written =
        lathe::app::export_network(request, {.format = "qdq", .file = folder + "/trained.onnx"});
    return std::to_string(tested.evaluation.rows) + " test rows, then written as " + written.format;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

// Uses the installed library as a stranger would: the costs of a network, a training with its export, and two whole
// searches at the same time.
// Arguments: a study file and a folder to write to.
int main(int argc, char** argv) {
  const lathe::ir::Graph graph = lathe::model::make_model("jsc-tiny", {.input_shape = {16}, .classes = 5});
  const lathe::ir::GraphCosts costs = lathe::ir::costs(graph, 1);
  std::printf("%s has %lld parameters\n", graph.name.c_str(), static_cast<long long>(costs.total.parameters));
  if (argc != 3) return 2;
  std::printf("%s\n", train(argv[1], argv[2]).c_str());
  std::vector<std::string> found(2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&, i] { found[i] = search(argv[1], argv[2], i + 1); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : found) std::printf("%s\n", text.c_str());
}
