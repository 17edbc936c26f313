#include "lathe/report/front_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/report/svg.h"
#include "lathe/report/table.h"

namespace lathe::report {
namespace {

using svg::Axis;
using svg::escaped;
using svg::kInk;
using svg::text_element;

constexpr svg::Frame kFrame;
constexpr std::size_t kMostLabels = 12;
constexpr const char* kOthers = "#8c959f";
constexpr const char* kFront = "#0969da";
/// Keeps a label readable over points.
constexpr const char* kHalo = " paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\"";

/// Draws one plot, layer by layer.
class Drawing {
 public:
  explicit Drawing(const FrontPlot& plot)
      : plot_(plot),
        points_(finite_points(plot)),
        x_(range(&PlotPoint::x, kFrame.left, kFrame.right(), true)),
        y_(range(&PlotPoint::y, kFrame.bottom(), kFrame.top, false)) {}

  std::string svg() const {
    std::string text = svg::opening(kFrame) + headings() + svg::axes(kFrame, x_, y_);
    for (const PlotPoint& point : points_) {
      if (!point.front) text += circle(point, 3.5, kOthers, 0.55);
    }
    text += front_steps();
    for (const PlotPoint& point : points_) {
      if (point.front) text += error_bar(point) + circle(point, 5, kFront, 1);
    }
    return text + labels() + "</svg>\n";
  }

 private:
  static std::vector<PlotPoint> finite_points(const FrontPlot& plot) {
    std::vector<PlotPoint> points;
    std::copy_if(plot.points.begin(), plot.points.end(), std::back_inserter(points),
                 [](const PlotPoint& p) { return std::isfinite(p.x) && std::isfinite(p.y); });
    return points;
  }

  Axis range(double PlotPoint::*value, double first_pixel, double last_pixel, bool may_be_logarithmic) const {
    if (points_.empty()) return Axis(0, 1, first_pixel, last_pixel, false);
    double low = points_[0].*value;
    double high = low;
    for (const PlotPoint& point : points_) {
      const double margin = value == &PlotPoint::y ? point.y_error : 0;
      low = std::min(low, point.*value - margin);
      high = std::max(high, point.*value + margin);
    }
    return Axis(low, high, first_pixel, last_pixel, may_be_logarithmic);
  }

  std::string headings() const {
    return svg::headings(kFrame, {plot_.title, plot_.notice, plot_.x_label, plot_.y_label});
  }

  std::string circle(const PlotPoint& point, double radius, const char* colour, double opacity) const {
    const std::string title = fmt::format("{}{}{}, {}", point.label, point.label.empty() ? "" : ": ",
                                          number_text(point.x), number_text(point.y));
    return fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" fill-opacity=\"{}\"><title>{}</title></circle>\n",
        x_.pixel(point.x), y_.pixel(point.y), radius, colour, opacity, escaped(title));
  }

  std::string error_bar(const PlotPoint& point) const {
    if (point.y_error <= 0) return {};
    return fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\"/>\n",
                       x_.pixel(point.x), y_.pixel(point.y - point.y_error), y_.pixel(point.y + point.y_error), kFront);
  }

  std::vector<PlotPoint> sorted_front() const {
    std::vector<PlotPoint> front;
    std::copy_if(points_.begin(), points_.end(), std::back_inserter(front), [](const PlotPoint& p) { return p.front; });
    std::stable_sort(front.begin(), front.end(), [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
    return front;
  }

  /// Joins the front by steps where it is one of two dimensions: y moves one way only.
  std::string front_steps() const {
    const std::vector<PlotPoint> front = sorted_front();
    const auto falls = [](const PlotPoint& a, const PlotPoint& b) { return a.y > b.y; };
    const auto rises = [](const PlotPoint& a, const PlotPoint& b) { return a.y < b.y; };
    const bool monotone =
        std::is_sorted(front.begin(), front.end(), falls) || std::is_sorted(front.begin(), front.end(), rises);
    if (front.size() < 2 || !monotone) return {};
    std::string path = fmt::format("M{:.1f} {:.1f}", x_.pixel(front[0].x), y_.pixel(front[0].y));
    for (std::size_t i = 1; i < front.size(); ++i) {
      const double x = x_.pixel(front[i].x);
      const double y = y_.pixel(front[i].y);
      path += plot_.x_minimized ? fmt::format(" H{:.1f} V{:.1f}", x, y) : fmt::format(" V{:.1f} H{:.1f}", y, x);
    }
    return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-opacity=\"0.6\"/>\n",
                       path, kFront);
  }

  /// Labels points of the front, at most kMostLabels, none over another.
  std::string labels() const {
    constexpr double kLineHeight = 13, kLetterWidth = 6.2;
    std::string text;
    std::vector<std::pair<double, double>> taken;  // right end and height of labels so far
    for (const PlotPoint& point : sorted_front()) {
      if (point.label.empty() || taken.size() >= kMostLabels) continue;
      const double length = kLetterWidth * display_width(point.label);
      const double x = x_.pixel(point.x) + 8;
      const double y = y_.pixel(point.y) + 14;
      const bool leaves = x + length > kFrame.width - 4 || y > kFrame.bottom() - 2;
      const bool overlaps = std::any_of(taken.begin(), taken.end(), [&](const auto& other) {
        return x < other.first && std::abs(y - other.second) < kLineHeight;
      });
      if (leaves || overlaps) continue;
      text += text_element(x, y, "start", 11, kInk, point.label, kHalo);
      taken.emplace_back(x + length, y);
    }
    return text;
  }

  const FrontPlot& plot_;
  std::vector<PlotPoint> points_;
  Axis x_, y_;
};

std::optional<double> metric_of(const TrialRecord& trial, const std::string& name) {
  for (const Metrics* metrics : {&trial.software_metrics, &trial.hardware_metrics, &trial.scaled_metrics}) {
    if (const auto value = find_metric(*metrics, name)) return value;
  }
  return std::nullopt;
}

struct Height {
  double value = 0, error = 0;
};

// Returns the mean over the seeds of a race and its standard error, in units of the metric; the metric itself where
// there was no race.
Height height_of(const StudyRecord& study, const TrialRecord& trial, const std::string& metric, double value) {
  if (!trial.standing || study.directions.size() != study.objectives.size()) return {value, 0};
  for (std::size_t i = 0; i < study.objectives.size(); ++i) {
    if (study.objectives[i].name != metric || i >= trial.standing->means.size() || i >= trial.values.size()) continue;
    const double scale = value != 0 ? trial.values[i] / value : 1;  // objectives are scaled metrics
    if (!std::isfinite(scale) || scale == 0) return {value, 0};
    const bool known = i < trial.standing->total_errors.size() && std::isfinite(trial.standing->total_errors[i]);
    return {trial.standing->means[i] / scale, known ? trial.standing->total_errors[i] / std::abs(scale) : 0};
  }
  return {value, 0};
}

std::string label_of(const TrialRecord& trial) {
  if (trial.bits.empty()) return trial.widths;
  return trial.widths.empty() ? trial.bits : trial.widths + ", " + trial.bits;
}

}  // namespace

FrontPlot front_plot(const StudyRecord& study, const std::string& x_metric, const std::string& y_metric) {
  FrontPlot plot{.title = study.name,
                 .x_label = x_metric,
                 .y_label = y_metric,
                 .notice = study.notice,
                 .x_minimized = true,
                 .points = {}};
  for (const ObjectiveRecord& objective : study.objectives) {
    if (objective.name == x_metric) plot.x_minimized = objective.direction != Direction::kMaximize;
  }
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    const TrialRecord& trial = study.trials[i];
    const auto x = metric_of(trial, x_metric);
    const auto y = metric_of(trial, y_metric);
    if (!x || !y || trial.state != TrialState::kComplete) continue;
    const bool best = std::find(study.best.begin(), study.best.end(), i) != study.best.end();
    const Height height = height_of(study, trial, y_metric, *y);
    plot.points.push_back({*x, height.value, best, label_of(trial), height.error});
  }
  if (plot.points.empty()) {
    throw UserError(
        fmt::format("no complete trial of study \"{}\" has both {} and {}", study.name, x_metric, y_metric));
  }
  return plot;
}

std::optional<FrontPlot> front_plot(const StudyRecord& study) {
  const auto complete = [](const TrialRecord& trial) { return trial.state == TrialState::kComplete; };
  if (study.objectives.size() < 2 || std::none_of(study.trials.begin(), study.trials.end(), complete))
    return std::nullopt;
  const auto find = [&](Direction direction) {
    return std::find_if(study.objectives.begin(), study.objectives.end(),
                        [&](const ObjectiveRecord& objective) { return objective.direction == direction; });
  };
  const auto cost = find(Direction::kMinimize);
  const auto gain = find(Direction::kMaximize);
  if (cost == study.objectives.end() || gain == study.objectives.end()) {
    return front_plot(study, study.objectives[0].name, study.objectives[1].name);
  }
  return front_plot(study, cost->name, gain->name);
}

std::string front_svg(const FrontPlot& plot) { return Drawing(plot).svg(); }

}  // namespace lathe::report
