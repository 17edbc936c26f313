#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/base/file.h"

namespace lathe::app::testing {

/// Keeps the names of what was shown as work going on.
class Counts : public Progress {
 public:
  std::unique_ptr<ProgressTask> begin(const ProgressLabel& label) override {
    const std::lock_guard lock(mutex_);
    labels_.push_back(label.label);
    return begin_progress(nullptr, label);
  }
  bool has(const std::string& label) const { return std::count(labels_.begin(), labels_.end(), label) > 0; }

 private:
  std::mutex mutex_;
  std::vector<std::string> labels_;
};

/// Four candidates on few of the bundled rows, each trained for a moment.
inline constexpr const char* kSmallStudy = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
max_train_rows = 1024
validation_rows = 512
max_epochs = 2
learning_rate = 1e-2
project = "p"
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [1, 2]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 1
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_jobs = 2
n_trials = 4
sampler = "random"
[search.strategy.metrics]
accuracy.scale = 1.0
accuracy.direction = "maximize"
)";

/// Writes the study to FOLDER/study.toml and asks for it, with the project FOLDER/p.
inline Request small_request(const std::filesystem::path& folder,
                             std::vector<std::pair<std::string, std::string>> overrides = {}) {
  write_text_file_atomically(folder / "study.toml", kSmallStudy);
  overrides.emplace_back("project_dir", '"' + folder.string() + '"');
  return read_request(folder / "study.toml", overrides);
}

}  // namespace lathe::app::testing
