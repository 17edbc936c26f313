#include "onnx/runtime.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lathe/base/file.h"
#include "lathe/model/zoo.h"
#include "lathe/onnx/export.h"
#include "onnx/models.h"
#include "onnx/op_graphs.h"
#include "peers.h"
#include "program.h"

namespace lathe::onnx {
namespace {

namespace fs = std::filesystem;
using lathe::testing::TemporaryFolder;
using testing::Model;

/// Holds a file for another program to run, and what we compute.
struct Job {
  std::string name;
  fs::path file;
  Shape shape;  ///< of the input, with its batch
  bool tokens = false;
  std::vector<float> rows, outputs;
};

Job make_job(const fs::path& folder, const std::string& name, const Model& model, ExportForm form,
             std::int64_t rows = 2) {
  Job job{.name = name, .file = folder / (name + ".onnx"), .shape = {rows}, .rows = {}, .outputs = {}};
  export_onnx(model.graph, model.state, job.file, {.form = form});
  const Shape& sample = model.graph.input().output_shape;
  job.shape.insert(job.shape.end(), sample.begin(), sample.end());
  job.tokens = model.graph.nodes[model.graph.users(0).front()].op == "embedding";
  job.rows = testing::example_rows(model.graph, rows, 11);
  job.outputs = testing::predict(model, job.rows);
  testing::write_floats(folder / (name + ".input"), job.rows);
  return job;
}

std::string file_name(std::string name) {
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}

/// Lists all networks of the zoo, and one for language modelling.
std::vector<std::string> zoo_names() {
  std::vector<std::string> names = {"transformer-tiny:lm"};
  for (const model::ZooEntry& entry : model::zoo()) names.push_back(entry.name);
  return names;
}

std::vector<Job> float_jobs(const fs::path& folder) {
  std::vector<Job> jobs;
  for (const Model& model : testing::op_models())
    jobs.push_back(make_job(folder, model.graph.name, model, ExportForm::kFloat));
  for (const std::string& name : zoo_names())
    jobs.push_back(make_job(folder, file_name(name), testing::zoo_model(name), ExportForm::kFloat, 1));
  return jobs;
}

std::vector<Job> quantised_jobs(const fs::path& folder, ExportForm form, std::int64_t bits) {
  std::vector<Job> jobs;
  for (const std::string name : {"jsc-toy", "vgg7-tiny", "lenet"})
    jobs.push_back(
        make_job(folder, fmt::format("{}-{}", name, bits), testing::quantised(testing::zoo_model(name), bits), form));
  return jobs;
}

std::vector<Job> quantised_zoo(const fs::path& folder, ExportForm form) {
  std::vector<Job> jobs;
  for (const std::string& name : zoo_names())
    jobs.push_back(make_job(folder, file_name(name), testing::quantised(testing::zoo_model(name), 8), form, 1));
  return jobs;
}

void run_jobs(const std::vector<Job>& jobs, const fs::path& folder, const std::string& command) {
  std::vector<testing::RuntimeJob> wanted;
  for (const Job& job : jobs) wanted.push_back({job.file, job.shape, job.tokens, job.rows});
  const auto outputs = testing::run_on_runtime(command, wanted);
  for (std::size_t i = 0; i < jobs.size(); ++i) testing::write_floats(folder / (jobs[i].name + ".output"), outputs[i]);
}

TEST(OnnxRuntime, ComputesWhatWeCompute) {
  const std::string command = testing::runtime_command();
  if (command.empty()) LATHE_PEER_IS_ABSENT("onnxruntime-node is not installed (scripts/install_onnxruntime)");
  const TemporaryFolder folder;
  const std::vector<Job> jobs = float_jobs(folder.path());
  run_jobs(jobs, folder.path(), command);
  for (const Job& job : jobs) {
    SCOPED_TRACE(job.name);
    const auto theirs = testing::read_floats(folder.path() / (job.name + ".output"));
    EXPECT_LT(testing::largest_difference(theirs, job.outputs), 1e-5);
  }
}

/// A network without number formats is the same file in every form, so that one run stands for all three.
TEST(OnnxRuntime, FormsOfFloatNetworksAreOneFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "m.onnx";
  for (const std::string& name : zoo_names()) {
    const Model model = testing::zoo_model(name);
    std::vector<std::vector<std::byte>> files;
    for (const ExportForm form : {ExportForm::kFloat, ExportForm::kQonnx, ExportForm::kQdq}) {
      export_onnx(model.graph, model.state, file, {.form = form});
      files.push_back(read_file(file));
    }
    EXPECT_TRUE(files[0] == files[1] && files[0] == files[2]) << name;
  }
}

TEST(OnnxRuntime, ComputesQdqWithinOneStep) {
  const std::string command = testing::runtime_command();
  if (command.empty()) LATHE_PEER_IS_ABSENT("onnxruntime-node is not installed (scripts/install_onnxruntime)");
  const TemporaryFolder folder;
  std::vector<Job> jobs = quantised_jobs(folder.path(), ExportForm::kQdq, 8);
  for (Job& job : quantised_jobs(folder.path(), ExportForm::kQdq, 5)) jobs.push_back(std::move(job));
  for (const std::string name : {"jsc-toy", "lenet"})
    jobs.push_back(make_job(folder.path(), name + "-scales",
                            testing::with_scales(testing::quantised(testing::zoo_model(name), 8), true),
                            ExportForm::kQdq));
  run_jobs(jobs, folder.path(), command);
  for (const Job& job : jobs) {
    SCOPED_TRACE(job.name);
    const auto theirs = testing::read_floats(folder.path() / (job.name + ".output"));
    EXPECT_LT(testing::largest_difference(theirs, job.outputs), 1.0 / 16);
  }
}

void interpret(const std::vector<Job>& jobs, const fs::path& folder) {
  std::string command = "/usr/bin/python3 " + testing::script("qonnx_interpreter.py");
  for (const Job& job : jobs)
    command += fmt::format(" {} {} {}", job.file.string(), (folder / (job.name + ".input")).string(),
                           (folder / (job.name + ".output")).string());
  const auto ran = lathe::testing::run_program(command, folder);
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
}

/// Quantised values near the middle of two codes may fall to either side: everything behind moves by steps.
TEST(OnnxRuntime, RunsTheQuantisedZoo) {
  const std::string command = testing::runtime_command();
  if (command.empty()) LATHE_PEER_IS_ABSENT("onnxruntime-node is not installed (scripts/install_onnxruntime)");
  const TemporaryFolder folder;
  const std::vector<Job> jobs = quantised_zoo(folder.path(), ExportForm::kQdq);
  run_jobs(jobs, folder.path(), command);
  for (const Job& job : jobs) {
    const auto theirs = testing::read_floats(folder.path() / (job.name + ".output"));
    EXPECT_LT(testing::largest_difference(theirs, job.outputs), 1.0 / 16) << job.name;
  }
}

TEST(Qonnx, AnotherInterpreterRunsTheQuantisedZoo) {
  if (!testing::python_has("onnx, numpy")) LATHE_PEER_IS_ABSENT("python3-onnx is not installed");
  const TemporaryFolder folder;
  std::vector<Job> jobs = quantised_zoo(folder.path(), ExportForm::kQonnx);
  for (const std::string name : {"jsc-toy", "lenet"})
    jobs.push_back(make_job(folder.path(), name + "-scales",
                            testing::with_scales(testing::quantised(testing::zoo_model(name), 8)), ExportForm::kQonnx));
  interpret(jobs, folder.path());
  for (const Job& job : jobs) {
    const auto theirs = testing::read_floats(folder.path() / (job.name + ".output"));
    EXPECT_LT(testing::largest_difference(theirs, job.outputs), 1.0 / 16) << job.name;
  }
}

TEST(Qonnx, AnotherInterpreterComputesTheSameBits) {
  if (!testing::python_has("onnx, numpy")) LATHE_PEER_IS_ABSENT("python3-onnx is not installed");
  const TemporaryFolder folder;
  std::vector<Job> jobs = quantised_jobs(folder.path(), ExportForm::kQonnx, 8);
  for (Job& job : quantised_jobs(folder.path(), ExportForm::kQonnx, 4)) jobs.push_back(std::move(job));
  interpret(jobs, folder.path());
  for (const Job& job : jobs)
    EXPECT_EQ(testing::read_floats(folder.path() / (job.name + ".output")), job.outputs) << job.name;
}

TEST(Checker, AcceptsEveryExport) {
  if (!testing::python_has("onnx")) LATHE_PEER_IS_ABSENT("python3-onnx is not installed");
  const TemporaryFolder folder;
  std::vector<Job> jobs = float_jobs(folder.path());
  for (Job& job : quantised_jobs(folder.path(), ExportForm::kQdq, 7)) jobs.push_back(std::move(job));
  for (Job& job : quantised_jobs(folder.path(), ExportForm::kQonnx, 16)) jobs.push_back(std::move(job));
  std::string command = "/usr/bin/python3 " + testing::script("check_models.py");
  for (const Job& job : jobs) command += " " + job.file.string();
  const auto ran = lathe::testing::run_program(command, folder.path());
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
}

}  // namespace
}  // namespace lathe::onnx
