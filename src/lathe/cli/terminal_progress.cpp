#include "lathe/cli/terminal_progress.h"

#include <utility>

#include "lathe/report/progress.h"

namespace lathe::cli {
namespace {

class Bar : public ProgressTask {
 public:
  explicit Bar(const ProgressLabel& label) : bar_({.label = label.label, .total = label.total, .unit = label.unit}) {}
  void set_done(std::int64_t done) override { bar_.set_done(done); }
  void set_total(std::int64_t total) override { bar_.set_total(total); }
  void set_suffix(std::string suffix) override { bar_.set_suffix(std::move(suffix)); }

 private:
  report::ProgressBar bar_;
};

class Terminal : public Progress {
 public:
  std::unique_ptr<ProgressTask> begin(const ProgressLabel& label) override { return std::make_unique<Bar>(label); }
};

}  // namespace

Progress& terminal_progress() {
  static Terminal terminal;
  return terminal;
}

}  // namespace lathe::cli
