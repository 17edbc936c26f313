#include "lathe/app/device.h"

#include <fmt/format.h>

#include <thread>

#include "lathe/app/backends.h"
#include "lathe/base/log.h"

namespace lathe::app {

std::shared_ptr<const engine::Backend> choose_backend(const recipe::Settings& settings, const ir::Graph& graph,
                                                      const engine::LossSettings& loss) {
  return engine::choose_backend(backends(), settings.backend, settings.accelerator, graph, loss,
                                engine::precision_of(settings.trainer_precision));
}

std::string device_text(const engine::Backend& backend, int threads, engine::Precision precision) {
  std::string text = backend.name();
  if (const std::string target = backend.target(); !target.empty()) text += " " + target;
  text += " on " + backend.accelerator();
  if (backend.uses_threads() && threads > 1) text += fmt::format(", {} threads", threads);
  if (precision != engine::Precision::kFloat32) text += ", " + engine::to_string(precision);
  return text;
}

void advise_threads(const engine::Backend& backend, std::int64_t trials, std::int64_t threads) {
  if (!backend.uses_threads() && threads > 1)
    log::warning("back end {} works with one thread a trial: threads = {} has no effect", backend.name(), threads);
  if (!backend.uses_threads() || backend.accelerator() != "cpu") return;
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  if (trials * threads < cores) {
    log::info(
        "{} of {} cores are used: n_jobs x threads = {} x {}. More trials at a time (n_jobs, at most the lag) use them "
        "best; threads speed up each trial and are part of the study, as the last bits of results depend on them",
        trials * threads, cores, trials, threads);
  } else if (trials * threads > cores) {
    log::warning("n_jobs x threads = {} x {} is above the {} cores of this machine: the trials slow each other down",
                 trials, threads, cores);
  }
}

}  // namespace lathe::app
