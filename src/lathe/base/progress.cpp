#include "lathe/base/progress.h"

namespace lathe {
namespace {

class Unseen : public ProgressTask {
 public:
  void set_done(std::int64_t) override {}
  void set_total(std::int64_t) override {}
  void set_suffix(std::string) override {}
};

}  // namespace

std::unique_ptr<ProgressTask> begin_progress(Progress* progress, const ProgressLabel& label) {
  return progress != nullptr ? progress->begin(label) : std::make_unique<Unseen>();
}

}  // namespace lathe
