#include "onnx/runtime.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "lathe/base/file.h"
#include "onnx/models.h"
#include "program.h"

namespace lathe::onnx::testing {

std::string runtime_command() {
  const char* given = std::getenv("LATHE_ONNXRUNTIME");
  const std::string folder = given != nullptr ? given : LATHE_ONNXRUNTIME_FOLDER;
  const std::string command = "NODE_PATH=" + folder + "/node_modules node " + script("run_onnxruntime.js") + " ";
  return std::system((command + "> /dev/null 2>&1").c_str()) == 0 ? command : "";
}

std::vector<std::vector<float>> run_on_runtime(const std::string& command, const std::vector<RuntimeJob>& jobs) {
  const lathe::testing::TemporaryFolder folder;
  const auto place = [&](std::size_t job, const char* end) { return folder.path() / fmt::format("{}.{}", job, end); };
  std::string text;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    write_floats(place(i, "input"), jobs[i].rows);
    text += fmt::format(R"({}{{"model": "{}", "input": "{}", "output": "{}", "shape": {}, "tokens": {}}})",
                        text.empty() ? "[" : ",\n", jobs[i].file.string(), place(i, "input").string(),
                        place(i, "output").string(), to_string(jobs[i].shape), jobs[i].tokens);
  }
  write_text_file_atomically(folder.path() / "jobs.json", text + "]\n");
  const auto ran = lathe::testing::run_program(command + (folder.path() / "jobs.json").string(), folder.path());
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  std::vector<std::vector<float>> outputs(jobs.size());
  for (std::size_t i = 0; i < jobs.size() && ran.exit_code == 0; ++i) outputs[i] = read_floats(place(i, "output"));
  return outputs;
}

}  // namespace lathe::onnx::testing
