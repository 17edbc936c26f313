#include "lathe/report/closing_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>

namespace lathe::report {
namespace {

constexpr double kWideSpread = 0.10;

/// Looks a metric up where trials may have it; NaN when the trial has none.
double metric_value(const TrialRecord& trial, const std::string& name) {
  for (const Metrics* metrics : {&trial.software_metrics, &trial.hardware_metrics, &trial.scaled_metrics}) {
    if (const auto value = find_metric(*metrics, name)) return *value;
  }
  return std::nan("");
}

/// Formats the numbers of one column alike: whole numbers with groups, others with the same decimals.
class NumberColumn {
 public:
  void see(double value) {
    if (!std::isfinite(value)) return;
    whole_ = whole_ && value == std::trunc(value) && std::abs(value) < 1e15;
    largest_ = std::max(largest_, std::abs(value));
  }
  std::string text(double value) const {
    if (std::isnan(value)) return "-";
    if (std::isinf(value)) return number_text(value);
    if (whole_) return count_text(static_cast<long long>(value));
    if (largest_ < 0.1 || largest_ >= 1e6) return number_text(value, 4);
    const int decimals = largest_ < 10 ? 4 : largest_ < 100 ? 3 : largest_ < 1000 ? 2 : 1;
    return fmt::format("{:.{}f}", value, decimals);
  }

 private:
  bool whole_ = true;
  double largest_ = 0;
};

/// Splits `node/config/key`; the key is empty where the name has another form.
std::pair<std::string, std::string> node_and_key(const std::string& name) {
  constexpr std::string_view kMiddle = "/config/";
  const std::size_t middle = name.find(kMiddle);
  if (middle == std::string::npos) return {name, {}};
  return {name.substr(0, middle), name.substr(middle + kMiddle.size())};
}

/// Shortens numbers with many digits, as continuous choices have; trials.csv and the JSON files keep them all.
std::string short_value(const std::string& value) {
  constexpr std::size_t kLongest = 8;
  if (value.size() <= kLongest) return value;
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  return *end == '\0' ? fmt::format("{:.4g}", number) : value;
}

/// Shows the trials of a study as rows of one table.
class TrialsTable {
 public:
  TrialsTable(const StudyRecord& study, std::vector<std::size_t> rows, bool with_states)
      : study_(study), rows_(std::move(rows)), with_states_(with_states) {
    shows_value_ = study_.directions.size() == 1 &&
                   (study_.objectives.size() != 1 || std::any_of(rows_.begin(), rows_.end(), [&](std::size_t row) {
                      return scaled_differs(study_.trials[row]);
                    }));
    columns_.resize(study_.objectives.size() + 1);
    for (const std::size_t row : rows_) see(study_.trials[row]);
  }

  std::string to_string(const TableStyle& style) const {
    const bool several = study_.directions.size() > 1;
    std::vector<TableColumn> columns{{"trial", Alignment::kRight, 0}};
    if (with_states_) columns.push_back({"state", Alignment::kLeft, 0});
    for (const ObjectiveRecord& objective : study_.objectives)
      columns.push_back({objective.name, Alignment::kRight, 0});
    if (shows_value_) columns.push_back({"value", Alignment::kRight, 0});
    if (has_standings_) columns.push_back({"mean (std. error)", Alignment::kRight, 0});
    if (has_standings_) columns.push_back({"seeds", Alignment::kRight, 0});
    if (has_standings_) columns.push_back({"front", Alignment::kLeft, 0});
    if (has_standings_) columns.push_back({several ? "P(on the front)" : "P(best)", Alignment::kRight, 0});
    if (has_choices_) columns.push_back({"choices", Alignment::kLeft, 12});
    if (has_widths_) columns.push_back({"widths", Alignment::kLeft, 12});
    if (has_bits_) columns.push_back({"bits", Alignment::kLeft, 8});
    if (with_states_ && has_reasons_) columns.push_back({"reason", Alignment::kLeft, 12});
    Table table(std::move(columns));
    for (const std::size_t row : rows_) table.add_row(cells(row, style.unicode));
    return table.to_string(style);
  }

 private:
  bool scaled_differs(const TrialRecord& trial) const {
    return !trial.values.empty() && trial.values[0] != metric_value(trial, study_.objectives[0].name);
  }

  void see(const TrialRecord& trial) {
    for (std::size_t i = 0; i < study_.objectives.size(); ++i) {
      columns_[i].see(metric_value(trial, study_.objectives[i].name));
    }
    if (!trial.values.empty()) columns_.back().see(trial.values[0]);
    has_choices_ = has_choices_ || !trial.choices.empty();
    has_standings_ = has_standings_ || trial.standing;
    has_widths_ = has_widths_ || !trial.widths.empty();
    has_bits_ = has_bits_ || !trial.bits.empty();
    has_reasons_ = has_reasons_ || !note(trial).empty();
  }

  static std::string note(const TrialRecord& trial) {
    if (trial.duplicate_of) return fmt::format("same as trial {}", *trial.duplicate_of);
    if (!trial.reason.empty()) return trial.reason;
    return trial.untrained ? "untrained weights" : "";
  }

  std::string metric_cell(const TrialRecord& trial, std::size_t objective, bool unicode) const {
    const std::string& name = study_.objectives[objective].name;
    std::string cell = columns_[objective].text(metric_value(trial, name));
    const double spread = find_metric(trial.spreads, name).value_or(0);
    if (spread > kWideSpread) cell += fmt::format(" {}{:.0f}%", unicode ? "±" : "+-", spread * 100);
    if (const auto error = find_metric(trial.standard_errors, name); error && !has_standings_) {
      cell += fmt::format(" {} {}", unicode ? "±" : "+-", number_text(*error, 2));
    }
    if (trial.at_chance && name == "accuracy") cell += " (chance)";
    return cell;
  }

  static void add_standing(const TrialRecord& trial, std::vector<std::string>& cells) {
    if (!trial.standing) {
      cells.insert(cells.end(), {"-", "-", "-", "-"});
      return;
    }
    std::string means;
    for (std::size_t i = 0; i < trial.standing->means.size(); ++i) {
      const bool joint = i < trial.standing->total_errors.size();
      const double error = joint ? trial.standing->total_errors[i] : trial.standing->standard_errors[i];
      if (error == 0) continue;  // the network alone decides it
      means += fmt::format("{}{} ({})", means.empty() ? "" : ", ", number_text(trial.standing->means[i], 4),
                           number_text(error, 2));
    }
    cells.insert(cells.end(),
                 {means, std::to_string(trial.standing->seeds), storage::to_string(trial.standing->membership),
                  fmt::format("{:.2f}", trial.standing->front_probability)});
  }

  std::vector<std::string> cells(std::size_t row, bool unicode) const {
    const TrialRecord& trial = study_.trials[row];
    const bool best = std::find(study_.best.begin(), study_.best.end(), row) != study_.best.end();
    std::vector<std::string> cells{fmt::format("{}{}", with_states_ && best ? "*" : "", trial.number)};
    if (with_states_) cells.push_back(lathe::to_string(trial.state));
    for (std::size_t i = 0; i < study_.objectives.size(); ++i) cells.push_back(metric_cell(trial, i, unicode));
    if (shows_value_) cells.push_back(columns_.back().text(trial.values.empty() ? std::nan("") : trial.values[0]));
    if (has_standings_) add_standing(trial, cells);
    if (has_choices_) cells.push_back(choices_text(trial.choices));
    if (has_widths_) cells.push_back(trial.widths);
    if (has_bits_) cells.push_back(trial.bits);
    if (with_states_ && has_reasons_) cells.push_back(note(trial));
    return cells;
  }

  const StudyRecord& study_;
  std::vector<std::size_t> rows_;
  bool with_states_;
  bool has_standings_ = false;
  bool shows_value_ = false, has_choices_ = false, has_widths_ = false, has_bits_ = false, has_reasons_ = false;
  std::vector<NumberColumn> columns_;  ///< one per objective, then the value
};

std::string further_text(const std::optional<std::int64_t>& count, const std::string& what) {
  return count ? fmt::format("{} more {}{}", count_text(*count), what, *count == 1 ? "" : "s") : std::string();
}

std::string decider_text(const Decider& decider) {
  if (decider.equal) return "nothing, they are equal";
  const std::string seeds = further_text(decider.seeds, "seed"), rows = further_text(decider.rows, "row");
  if (seeds.empty() && rows.empty()) return "more seeds and rows";
  return fmt::format("{}{}{}", seeds, seeds.empty() || rows.empty() ? "" : " or ", rows);
}

/// Says of the tied trials among the rows of a table what would decide them, in lines that fit below it.
std::string deciders_text(const StudyRecord& study, const std::vector<std::size_t>& rows) {
  constexpr std::size_t kMostLines = 5;
  std::string text;
  std::size_t tied = 0;
  for (const std::size_t row : rows) {
    const TrialRecord& trial = study.trials[row];
    if (!trial.standing || !trial.standing->decider || ++tied > kMostLines) continue;
    const Decider& decider = *trial.standing->decider;
    const std::string against = decider.rival ? std::to_string(*decider.rival) : "its constraints";
    text += fmt::format("  {} against {}: {}\n", trial.number, against, decider_text(decider));
  }
  if (tied == 0) return {};
  if (tied > kMostLines) text += fmt::format("  and {} more: study.json\n", tied - kMostLines);
  return "What would decide the ties:\n" + text;
}

/// Orders trials with the better first: after a race of one objective by the probability of being the best and the
/// mean, else by their first value; then by number.
bool better(const StudyRecord& study, const TrialRecord& a, const TrialRecord& b) {
  const bool maximize = !study.directions.empty() && study.directions[0] == Direction::kMaximize;
  if (study.directions.size() == 1) {
    if (a.standing.has_value() != b.standing.has_value()) return a.standing.has_value();
    if (a.standing && a.standing->front_probability != b.standing->front_probability) {
      return a.standing->front_probability > b.standing->front_probability;
    }
    if (a.standing && a.standing->means != b.standing->means)
      return (a.standing->means > b.standing->means) == maximize;
  }
  if (!a.values.empty() && !b.values.empty() && a.values[0] != b.values[0]) {
    return maximize ? a.values[0] > b.values[0] : a.values[0] < b.values[0];
  }
  return a.number < b.number;
}

std::vector<std::size_t> best_rows(const StudyRecord& study, std::size_t most_rows) {
  std::vector<std::size_t> rows = study.best;
  if (study.directions.size() == 1) {
    for (std::size_t i = 0; i < study.trials.size(); ++i) {
      const TrialRecord& trial = study.trials[i];
      const bool met = std::all_of(trial.constraints.begin(), trial.constraints.end(),
                                   [](double constraint) { return constraint <= 0; });
      const bool feasible = trial.standing ? trial.standing->meets : met;
      const bool candidate =
          trial.state == TrialState::kComplete && !trial.duplicate_of && !trial.values.empty() && feasible;
      if (candidate && std::find(rows.begin(), rows.end(), i) == rows.end()) rows.push_back(i);
    }
  }
  const auto keep_first = study.directions.size() == 1 ? study.best.size() : 0;  // the winner stays on top
  std::sort(rows.begin() + static_cast<std::ptrdiff_t>(keep_first), rows.end(),
            [&](std::size_t a, std::size_t b) { return better(study, study.trials[a], study.trials[b]); });
  if (study.directions.size() == 1 && rows.size() > most_rows) rows.resize(most_rows);
  return rows;
}

std::string failures_text(const StudyRecord& study) {
  constexpr std::size_t kMostReasons = 3;
  std::map<std::string, std::int64_t> count;
  for (const TrialRecord& trial : study.trials) {
    if (trial.state == TrialState::kFail && !trial.reason.empty()) ++count[trial.reason];
  }
  std::vector<std::pair<std::int64_t, std::string>> reasons;
  for (const auto& [reason, times] : count) reasons.emplace_back(-times, reason);
  std::sort(reasons.begin(), reasons.end());
  std::string text;
  for (std::size_t i = 0; i < std::min(reasons.size(), kMostReasons); ++i) {
    text += fmt::format("  {} x {}\n", -reasons[i].first, reasons[i].second);
  }
  return text;
}

}  // namespace

std::string choices_text(const std::vector<std::pair<std::string, std::string>>& choices) {
  const auto same_key = [&](const auto& choice) {
    return node_and_key(choice.first).second == node_and_key(choices.front().first).second;
  };
  const bool key_is_known = std::all_of(choices.begin(), choices.end(), same_key);
  std::string text;
  for (const auto& [name, value] : choices) {
    const auto [node, key] = node_and_key(name);
    const bool show_key = !key_is_known && !key.empty();
    text += fmt::format("{}{}{}{}={}", text.empty() ? "" : " ", node, show_key ? "." : "", show_key ? key : "",
                        short_value(value));
  }
  return text;
}

std::string best_table(const StudyRecord& study, const TableStyle& style, std::size_t most_rows) {
  const std::vector<std::size_t> rows = best_rows(study, most_rows);
  std::string text = TrialsTable(study, rows, false).to_string(style) + deciders_text(study, rows);
  if (const std::size_t equals = best_with_equals(study).size(); equals > 0) {
    text +=
        fmt::format("{} of them equal{} an earlier one in every objective: of equals the first keeps its weights.\n",
                    equals, equals == 1 ? "s" : "");
  }
  return text;
}

std::string all_trials_table(const StudyRecord& study, const TableStyle& style) {
  std::vector<std::size_t> rows(study.trials.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return TrialsTable(study, std::move(rows), true).to_string(style);
}

std::string final_table(const StudyRecord& study, const TableStyle& style) {
  const bool some_failed = std::any_of(study.finals.begin(), study.finals.end(),
                                       [](const FinalRecord& record) { return !record.reason.empty(); });
  const bool regression = !study.finals.empty() && study.finals.front().regression;
  std::vector<TableColumn> columns{
      {"trial", Alignment::kRight, 0},      {regression ? "test r2" : "test accuracy", Alignment::kRight, 0},
      {"std. error", Alignment::kRight, 0}, {"test loss", Alignment::kRight, 0},
      {"seeds", Alignment::kRight, 0},      {"widths", Alignment::kLeft, 12},
      {"bits", Alignment::kLeft, 8}};
  if (some_failed) columns.push_back({"", Alignment::kLeft, 12});
  Table table(std::move(columns));
  for (const FinalRecord& record : study.finals) {
    const auto trial = std::find_if(study.trials.begin(), study.trials.end(),
                                    [&](const TrialRecord& t) { return t.number == record.number; });
    const bool known = trial != study.trials.end();
    const bool scored = !record.scores.empty();
    const auto number = [&](double value) { return scored ? fmt::format("{:.4f}", value) : std::string("-"); };
    const bool has_error = record.scores.size() > 1;
    std::vector<std::string> cells{std::to_string(record.number),
                                   number(record.mean_score),
                                   has_error ? number(record.standard_error) : "-",
                                   number(record.mean_loss),
                                   std::to_string(record.scores.size()),
                                   known ? trial->widths : "",
                                   known ? trial->bits : ""};
    if (some_failed) cells.push_back(record.reason);
    table.add_row(std::move(cells));
  }
  return table.to_string(style);
}

std::string trial_summary(const StudyRecord& study) {
  const auto count = [&](const auto& predicate) {
    return std::count_if(study.trials.begin(), study.trials.end(), predicate);
  };
  const auto in_state = [&](TrialState state) {
    return count([state](const TrialRecord& trial) { return trial.state == state; });
  };
  const auto duplicates =
      count([](const TrialRecord& t) { return t.duplicate_of && t.state == TrialState::kComplete; });
  std::string text =
      fmt::format("{} trial{} in {:.1f} s: {} complete", study.trials.size(), study.trials.size() == 1 ? "" : "s",
                  study.wall_seconds, in_state(TrialState::kComplete));
  if (duplicates > 0) text += fmt::format(" ({} of them repeated a candidate)", duplicates);
  const std::pair<TrialState, const char*> others[] = {
      {TrialState::kPruned, "pruned"}, {TrialState::kFail, "failed"}, {TrialState::kRunning, "not ended"}};
  for (const auto& [state, word] : others) {
    if (const auto trials = in_state(state); trials > 0) text += fmt::format(", {} {}", trials, word);
  }
  const auto ruled_out = count([](const TrialRecord& t) { return t.ruled_out; });
  if (ruled_out > 0) text += fmt::format(" ({} not trained: a constraint rules them out)", ruled_out);
  return text + "\n" + failures_text(study);
}

}  // namespace lathe::report
