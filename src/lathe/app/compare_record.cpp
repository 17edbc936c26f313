#include "lathe/app/compare_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "lathe/app/search_setup.h"

namespace lathe::app {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Lists the seeds with which every sampler ran to its end.
std::vector<std::size_t> complete_seeds(const std::vector<ComparedSampler>& samplers) {
  std::vector<std::size_t> seeds;
  for (std::size_t seed = 0; seed < samplers.front().runs.size(); ++seed) {
    const bool complete = std::all_of(samplers.begin(), samplers.end(),
                                      [&](const ComparedSampler& sampler) { return sampler.runs[seed].complete; });
    if (complete) seeds.push_back(seed);
  }
  return seeds;
}

std::string value_name(const recipe::StudySettings& settings) {
  std::string name;
  for (const recipe::Objective& objective : settings.objectives) {
    if (!name.empty()) name += settings.sum_scaled_metrics ? " + " : ", ";
    name += objective.scale == 1 ? objective.name : fmt::format("{:g} {}", objective.scale, objective.name);
  }
  return name;
}

report::MeanRecord mean_record(const std::vector<report::CompareRunRecord>& runs, const auto& number) {
  std::vector<double> values;
  for (const report::CompareRunRecord& run : runs) values.push_back(static_cast<double>(number(run)));
  const study::MeanAndError both = study::mean_and_error(values);
  return {both.mean, both.standard_error};
}

/// Fills a record step by step.
class Summary {
 public:
  Summary(const Search& search, const std::vector<ComparedSampler>& samplers)
      : search_(search), settings_(search.settings), samplers_(samplers), seeds_(complete_seeds(samplers)) {}

  report::CompareRecord record() {
    describe();
    count_candidates();
    for (const ComparedSampler& sampler : samplers_) add_runs(sampler);
    add_reference_point();
    for (std::size_t i = 0; i < samplers_.size(); ++i) add_curves(i);
    add_target();
    for (report::CompareSamplerRecord& sampler : record_.samplers) add_statistics(sampler);
    return std::move(record_);
  }

 private:
  void describe() {
    record_.name = settings_.name;
    record_.model = search_.start.graph.name;
    record_.dataset = search_.dataset->fingerprint.dataset;
    record_.notice = search_.dataset->fingerprint.notice;
    for (const recipe::Objective& objective : settings_.objectives) {
      record_.objectives.push_back({objective.name, objective.direction});
    }
    record_.directions = settings_.directions;
    record_.value_name = value_name(settings_);
    record_.evaluation_seed = settings_.seed;
    record_.n_trials = settings_.n_trials;
    record_.lag = settings_.lag;
    record_.seeds = static_cast<std::int64_t>(seeds_.size());
    record_.planned_seeds = static_cast<std::int64_t>(samplers_.front().runs.size());
    record_.reproducible = !settings_.depends_on_clock();
  }

  template <typename Visit>
  void for_each_run(const Visit& visit) const {
    for (const ComparedSampler& sampler : samplers_) {
      for (const std::size_t seed : seeds_) visit(sampler.runs[seed]);
    }
  }

  // Counts distinct candidates; impossible networks, which have no key, by their points.
  void count_candidates() {
    std::map<Digest, study::SharedOutcome> candidates;
    std::set<space::Assignment> points, impossible;
    for_each_run([&](const study::ComparedRun& run) {
      for (const study::ComparedTrial& trial : run.trials) {
        points.insert(trial.assignment);
        if (trial.outcome->key == Digest{})
          impossible.insert(trial.assignment);
        else
          candidates.emplace(trial.outcome->key, trial.outcome);
      }
    });
    record_.candidates = static_cast<std::int64_t>(candidates.size() + impossible.size());
    record_.incomparable_candidates = static_cast<std::int64_t>(impossible.size());
    for (const auto& [key, outcome] : candidates) {
      if (!outcome->comparable()) ++record_.incomparable_candidates;
      record_.evaluation_seconds += outcome->seconds;
      record_.reproducible &= !outcome->timed_out;
    }
    record_.whole_space = search_.space.size() == static_cast<std::int64_t>(points.size());
  }

  void add_runs(const ComparedSampler& sampler) {
    report::CompareSamplerRecord record{
        .name = sampler.name, .options = sampler.options, .explanation = sampler.explanation};
    for (const std::size_t seed : seeds_) {
      const study::ComparedRun& run = sampler.runs[seed];
      report::CompareRunRecord entry{
          .seed = seed, .sampler_seconds = run.sampler_seconds, .evaluation_seconds = run.evaluation_seconds()};
      const std::vector<study::Repeat> repeats = run.repeats();
      for (std::size_t i = 0; i < run.trials.size(); ++i) {
        const study::Outcome& outcome = *run.trials[i].outcome;
        entry.trials.push_back(
            {.state = outcome.state, .values = outcome.values, .duplicate = study::to_string(repeats[i])});
        if (repeats[i] == study::Repeat::kPoint) ++entry.repeated_points;
        if (repeats[i] != study::Repeat::kNone) ++entry.repeated_candidates;
      }
      record.runs.push_back(std::move(entry));
    }
    record_.samplers.push_back(std::move(record));
  }

  void add_reference_point() {
    if (record_.single()) return;
    for_each_run([&](const study::ComparedRun& run) { everything_.push_back(run.values()); });
    record_.reference_point = study::hypervolume_reference(everything_, settings_.directions);
  }

  std::vector<double> curve_of(const study::RunValues& values) const {
    if (record_.single()) return study::best_so_far(values, settings_.directions.front());
    if (record_.reference_point.empty()) return std::vector<double>(values.size(), kNone);
    return study::hypervolume_so_far(values, settings_.directions, record_.reference_point);
  }

  void add_curves(std::size_t index) {
    report::CompareSamplerRecord& sampler = record_.samplers[index];
    std::vector<std::vector<double>> curves;
    for (std::size_t i = 0; i < seeds_.size(); ++i) {
      curves.push_back(curve_of(samplers_[index].runs[seeds_[i]].values()));
      for (std::size_t k = 0; k < curves.back().size(); ++k) sampler.runs[i].trials[k].curve = curves.back()[k];
    }
    study::Band band = study::band_of(curves, record_.n_trials);
    sampler.mean = std::move(band.mean);
    sampler.standard_error = std::move(band.standard_error);
    sampler.low = std::move(band.low);
    sampler.high = std::move(band.high);
    curves_.push_back(std::move(curves));
  }

  // The best value that any run has seen, or the hypervolume of all runs together.
  double best_known() const {
    if (!record_.single()) {
      study::RunValues together;
      for (const study::RunValues& run : everything_) together.insert(together.end(), run.begin(), run.end());
      const std::vector<double> curve = curve_of(together);
      return curve.empty() ? kNone : curve.back();
    }
    study::RunValues finals;
    for (const auto& curves : curves_) {
      for (const std::vector<double>& curve : curves) {
        if (!curve.empty() && !std::isnan(curve.back())) finals.push_back({curve.back()});
      }
    }
    return finals.empty() ? kNone : study::best_so_far(finals, record_.direction()).back();
  }

  void add_target() {
    std::vector<double> starts;
    for (const auto& curves : curves_) {
      for (const std::vector<double>& curve : curves) {
        if (const auto start = study::first_value(curve)) starts.push_back(*start);
      }
    }
    record_.start = study::mean_and_error(starts).mean;
    record_.best = best_known();
    record_.target = study::target_value(record_.start, record_.best);
  }

  void add_statistics(report::CompareSamplerRecord& sampler) const {
    std::vector<std::optional<std::int64_t>> reached;
    study::RunValues finals;
    double trials = 0, seconds = 0;
    for (report::CompareRunRecord& run : sampler.runs) {
      std::vector<double> curve;
      for (const report::CompareTrialRecord& trial : run.trials) curve.push_back(trial.curve);
      if (!std::isnan(record_.target)) {
        run.trials_to_target = study::trials_to_reach(curve, record_.target, record_.direction());
      }
      reached.push_back(run.trials_to_target);
      if (!curve.empty() && !std::isnan(curve.back())) finals.push_back({curve.back()});
      trials += static_cast<double>(run.trials.size());
      seconds += run.sampler_seconds;
    }
    const study::Reach reach = study::summarise_reach(reached);
    sampler.median_to_target = reach.median;
    sampler.reached = reach.reached;
    sampler.best = finals.empty() ? kNone : study::best_so_far(finals, record_.direction()).back();
    using Run = report::CompareRunRecord;
    sampler.trials = mean_record(sampler.runs, [](const Run& run) { return run.trials.size(); });
    sampler.repeated_points = mean_record(sampler.runs, [](const Run& run) { return run.repeated_points; });
    sampler.repeated_candidates = mean_record(sampler.runs, [](const Run& run) { return run.repeated_candidates; });
    sampler.sampler_seconds = mean_record(sampler.runs, [](const Run& run) { return run.sampler_seconds; });
    sampler.evaluation_seconds = mean_record(sampler.runs, [](const Run& run) { return run.evaluation_seconds; });
    sampler.sampler_seconds_per_trial = trials > 0 ? seconds / trials : 0;
  }

  const Search& search_;
  const recipe::StudySettings& settings_;
  const std::vector<ComparedSampler>& samplers_;
  std::vector<std::size_t> seeds_;
  report::CompareRecord record_;
  std::vector<std::vector<std::vector<double>>> curves_;  // [sampler][seed][trial]
  std::vector<study::RunValues> everything_;              // several objectives: the values of all runs
};

}  // namespace

report::CompareRecord compare_record(const Search& search, const std::vector<ComparedSampler>& samplers) {
  return Summary(search, samplers).record();
}

}  // namespace lathe::app
