#include "lathe/report/compare_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lathe::report {
namespace {

std::string counted(std::int64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count_text(count), count == 1 ? one : many);
}

// Prints a mean with as many digits as its error allows: two of the error.
std::string mean_text(double mean, double error, bool unicode) {
  if (std::isnan(mean)) return "-";
  if (!(error > 1e-12 * std::abs(mean))) return number_text(mean, 5);
  const int digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, 6);
  return fmt::format("{:.{}f} {} {:.{}f}", mean, digits, unicode ? "±" : "+-", error, digits);
}

std::string reach_text(const CompareRecord& record, const CompareSamplerRecord& sampler) {
  return sampler.median_to_target ? number_text(*sampler.median_to_target) : fmt::format("> {}", record.n_trials);
}

std::string seconds_text(double seconds) { return fmt::format("{:.{}f}", seconds, seconds < 10 ? 2 : 1); }

}  // namespace

std::string compare_summary(const CompareRecord& record) {
  std::string text = record.single() ? fmt::format("Best {} so far ({}d)", record.value_name,
                                                   record.direction() == Direction::kMaximize ? "maximize" : "minimize")
                                     : fmt::format("Hypervolume of {} from the worst values seen ({})",
                                                   record.value_name, fmt::join(record.reference_point, ", "));
  text += fmt::format("; {} x {} x {}, lag {}\n",
                      counted(static_cast<std::int64_t>(record.samplers.size()), "sampler", "samplers"),
                      counted(record.seeds, "seed", "seeds"), counted(record.n_trials, "trial", "trials"), record.lag);
  text += fmt::format("{} evaluated once each in {:.1f} s", counted(record.candidates, "candidate", "candidates"),
                      record.evaluation_seconds);
  if (record.incomparable_candidates > 0) {
    text += fmt::format(" ({} failed or broke a constraint)", count_text(record.incomparable_candidates));
  }
  if (std::isnan(record.best)) return text + "; none has a value to compare\n";
  return text + fmt::format("; best known {}{}\nTarget {}: 99 % of the way there from {}, the mean first value\n",
                            number_text(record.best, 6), record.whole_space ? ", that of the whole space" : "",
                            number_text(record.target, 6), number_text(record.start, 6));
}

std::string compare_table(const CompareRecord& record, const TableStyle& style) {
  constexpr auto kRight = Alignment::kRight;
  Table table({{"sampler", Alignment::kLeft, 8},
               {"final mean", kRight, 0},
               {"best", kRight, 0},
               {"trials to 99 %", kRight, 0},
               {"runs there", kRight, 0},
               {"points again", kRight, 0},
               {"networks again", kRight, 0},
               {"sampler ms/trial", kRight, 0},
               {"wall s", kRight, 0}});
  for (const CompareSamplerRecord& sampler : record.samplers) {
    table.add_row({sampler.name, mean_text(sampler.mean.back(), sampler.standard_error.back(), style.unicode),
                   std::isnan(sampler.best) ? "-" : number_text(sampler.best, 5), reach_text(record, sampler),
                   fmt::format("{}/{}", sampler.reached, record.seeds), number_text(sampler.repeated_points.mean, 3),
                   number_text(sampler.repeated_candidates.mean, 3),
                   fmt::format("{:.3g}", 1e3 * sampler.sampler_seconds_per_trial),
                   seconds_text(sampler.evaluation_seconds.mean + sampler.sampler_seconds.mean)});
  }
  return table.to_string(style);
}

}  // namespace lathe::report
