#include "lathe/engine/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/log.h"

namespace lathe::engine {
namespace {

constexpr const char* kReference = "ref";

// Says why a back end is left out where none is named: the reference, and libtorch on the processor, which builds and
// tests what runs on a GPU. Empty for the others.
std::string only_by_name(const Backend& backend) {
  if (backend.name() == kReference) return "slow reference loops, only by name (--backend ref)";
  if (backend.name() == "torch" && backend.accelerator() == "cpu")
    return "libtorch on the processor, only by name (--backend torch)";
  return {};
}

// Returns what back ends call the accelerator that the user asked for; empty for `auto`.
std::string resolve_accelerator(const std::string& accelerator) {
  static const std::vector<std::string> kKnown = {"auto", "cpu", "gpu", "cuda", "mps"};
  if (std::find(kKnown.begin(), kKnown.end(), accelerator) == kKnown.end())
    throw UserError("accelerator",
                    fmt::format("unknown accelerator \"{}\"{}", accelerator, suggestion(accelerator, kKnown)));
  if (accelerator == "auto") return "";
  return accelerator == "cuda" ? "gpu" : accelerator;
}

bool runs_on(const Backend& backend, const std::string& accelerator) {
  return accelerator.empty() || backend.accelerator() == accelerator;
}

void check_accelerator(const BackendList& backends, const std::string& asked, const std::string& resolved) {
  const bool present =
      std::any_of(backends.begin(), backends.end(), [&](const auto& backend) { return runs_on(*backend, resolved); });
  if (present) return;
  const char* device = resolved == "mps" ? "Apple GPUs" : resolved == "gpu" ? "GPUs" : "this accelerator";
  throw UnsupportedError(fmt::format(
      "accelerator = \"{}\": this build of lathe has no back end for {}; run on the processor with --accelerator cpu",
      asked, device));
}

// Finds the back ends of a name: one per device that it runs on.
BackendList find_backends(const BackendList& backends, const std::string& name) {
  BackendList found;
  std::vector<std::string> known = {"auto"};
  for (const auto& backend : backends) {
    if (backend->name() == name) found.push_back(backend);
    if (std::find(known.begin(), known.end(), backend->name()) == known.end()) known.push_back(backend->name());
  }
  if (!found.empty()) return found;
  throw UserError("backend", fmt::format("unknown back end \"{}\"{}", name, suggestion(name, known)));
}

// Holds what a back end is asked to run.
struct Request {
  const ir::Graph& graph;
  const LossSettings& loss;
  Precision precision;
};

std::optional<std::string> find_refusal(const Backend& backend, const Request& request) {
  if (auto reason = backend.refusal(request.graph)) return reason;
  if (auto reason = backend.loss_refusal(request.loss)) return reason;
  return backend.precision_refusal(request.precision);
}

// Says how to get by without the precision, where only that was refused.
std::string advice(const Backend& backend, const Request& request) {
  const bool only_precision = request.precision != Precision::kFloat32 && !backend.refusal(request.graph) &&
                              !backend.loss_refusal(request.loss);
  return only_precision ? "; --precision 32 runs it in float32" : "";
}

// A study refuses the same thing candidate by candidate: each log is told once, and its debug level always.
void log_refusal(const Backend& backend, const ir::Graph& graph, const std::string& reason) {
  static std::mutex mutex;
  static std::set<std::pair<const log::Sink*, std::string>> said;
  const std::string text = fmt::format("back end {} refuses network {}: {}", backend.name(), graph.name, reason);
  const std::lock_guard lock(mutex);
  if (said.emplace(log::current_sink(), text).second)
    log::info("{}", text);
  else
    log::debug("{}", text);
}

std::string accelerators_of(const BackendList& backends) {
  std::string text;
  for (const auto& backend : backends)
    text += fmt::format("{}\"{}\"", text.empty() ? "" : " and ", backend->accelerator());
  return text;
}

std::shared_ptr<const Backend> choose_named(const BackendList& backends, const std::string& name,
                                            const std::string& asked, const std::string& accelerator,
                                            const Request& request) {
  const BackendList named = find_backends(backends, name);
  std::string reasons;
  for (const auto& backend : named) {
    if (!runs_on(*backend, accelerator)) continue;
    const auto reason = find_refusal(*backend, request);
    if (!reason) return backend;
    log_refusal(*backend, request.graph, *reason);
    const std::string device =
        named.size() > 1 && accelerator.empty() ? fmt::format("on {}: ", backend->accelerator()) : "";
    reasons += fmt::format("{}{}{}{}", reasons.empty() ? "" : "; ", device, *reason, advice(*backend, request));
  }
  if (reasons.empty())
    throw UnsupportedError(
        fmt::format("back end {} runs on the accelerator {}, not on \"{}\"", name, accelerators_of(named), asked));
  throw UnsupportedError(fmt::format("back end {} cannot run network {}: {}", name, request.graph.name, reasons));
}

std::shared_ptr<const Backend> choose_first(const BackendList& backends, const std::string& accelerator,
                                            const Request& request) {
  std::string reasons;
  for (const auto& backend : backends) {
    if (!runs_on(*backend, accelerator)) continue;
    if (const std::string left_out = only_by_name(*backend); !left_out.empty()) {
      reasons += fmt::format("\n  {}: {}", backend->name(), left_out);
      continue;
    }
    const auto reason = find_refusal(*backend, request);
    if (!reason) return backend;
    log_refusal(*backend, request.graph, *reason);
    reasons += fmt::format("\n  {}: {}{}", backend->name(), *reason, advice(*backend, request));
  }
  throw UnsupportedError(fmt::format("no back end can run network {}:{}", request.graph.name, reasons));
}

double mean_of_sums(const std::vector<double>& sums, std::int64_t rows) {
  return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(sums.size()) / static_cast<double>(rows);
}

}  // namespace

bool is_penalised(const ir::Parameter& parameter) { return parameter.trainable && parameter.shape.size() > 1; }

double EvaluationResult::macro_accuracy() const {
  double sum = 0;
  std::int64_t classes = 0;
  for (std::size_t c = 0; c < class_rows.size(); ++c) {
    if (class_rows[c] == 0 && class_predicted[c] == 0) continue;
    ++classes;
    if (class_rows[c] > 0) sum += static_cast<double>(class_correct[c]) / static_cast<double>(class_rows[c]);
  }
  return classes == 0 ? 0 : sum / static_cast<double>(classes);
}

double EvaluationResult::mean_squared_error() const { return mean_of_sums(squared_errors, rows); }
double EvaluationResult::mean_absolute_error() const { return mean_of_sums(absolute_errors, rows); }

double EvaluationResult::r2(std::size_t output) const {
  if (target_squares.at(output) == 0) return squared_errors.at(output) == 0 ? 1 : 0;
  return 1 - squared_errors.at(output) / target_squares.at(output);
}

double EvaluationResult::r2() const {
  double sum = 0;
  for (std::size_t output = 0; output < squared_errors.size(); ++output) sum += r2(output);
  return sum / static_cast<double>(squared_errors.size());
}

std::string to_string(Precision precision) {
  switch (precision) {
    case Precision::kFloat32: return "32";
    case Precision::kBFloat16: return "bf16";
    case Precision::kFloat16: return "16";
  }
  return {};
}

Precision precision_of(std::string_view name) {
  if (name == "32" || name == "32-true") return Precision::kFloat32;
  if (name == "bf16" || name == "bf16-mixed") return Precision::kBFloat16;
  if (name == "16" || name == "16-mixed") return Precision::kFloat16;
  static const std::vector<std::string> kKnown = {"32", "bf16", "bf16-mixed", "16", "16-mixed"};
  throw UserError("trainer_precision", fmt::format("unknown precision \"{}\"{}", name, suggestion(name, kKnown)));
}

std::optional<std::string> Backend::precision_refusal(Precision precision) const {
  if (precision == Precision::kFloat32) return std::nullopt;
  return fmt::format("{} computes in float32 only", name());
}

std::optional<std::string> Backend::loss_refusal(const LossSettings& loss) const {
  if (loss.plain()) return std::nullopt;
  return fmt::format("loss {} has no {} kernel", loss.to_text(), name());
}

std::shared_ptr<const Backend> choose_backend(const BackendList& backends, const std::string& backend,
                                              const std::string& accelerator, const ir::Graph& graph,
                                              const LossSettings& loss, Precision precision) {
  const Request request{graph, loss, precision};
  const std::string resolved = resolve_accelerator(accelerator);
  check_accelerator(backends, accelerator, resolved);
  auto chosen = backend == "auto" ? choose_first(backends, resolved, request)
                                  : choose_named(backends, backend, accelerator, resolved, request);
  log::debug("back end {} runs network {}", chosen->name(), graph.name);
  return chosen;
}

}  // namespace lathe::engine
