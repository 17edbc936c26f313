#include "lathe/report/compare_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/report/svg.h"
#include "lathe/report/table.h"

namespace lathe::report {
namespace {

constexpr svg::Frame kFrame{.right_margin = 150};
// Okabe and Ito's colours, which people with defective colour vision can tell apart, dark ones first.
constexpr std::array<const char*, 7> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                              "#e69f00", "#56b4e9", "#24292f"};
constexpr std::array<const char*, 2> kDashes{"", " stroke-dasharray=\"7 4\""};

class Drawing {
 public:
  explicit Drawing(const CompareRecord& record)
      : record_(record),
        x_(1, static_cast<double>(std::max<std::int64_t>(record.n_trials, 2)), kFrame.left, kFrame.right(), false),
        y_(y_axis()) {}

  std::string svg() const {
    std::string text = svg::opening(kFrame);
    text += svg::headings(kFrame, {record_.name, record_.notice, "trials", y_label()}) + svg::axes(kFrame, x_, y_);
    text += best_line();
    for (std::size_t i = 0; i < record_.samplers.size(); ++i) text += band(i);
    for (std::size_t i = 0; i < record_.samplers.size(); ++i) text += curve(i);
    return text + legend() + "</svg>\n";
  }

 private:
  svg::Axis y_axis() const {
    double low = record_.best, high = record_.best;
    for (const CompareSamplerRecord& sampler : record_.samplers) {
      for (const auto* values : {&sampler.low, &sampler.high, &sampler.mean}) {
        for (const double value : *values) {
          if (!std::isfinite(value)) continue;
          low = std::isnan(low) ? value : std::min(low, value);
          high = std::isnan(high) ? value : std::max(high, value);
        }
      }
    }
    if (std::isnan(low)) return {0, 1, kFrame.bottom(), kFrame.top, false};
    return {low, high, kFrame.bottom(), kFrame.top, false};
  }

  std::string y_label() const {
    return record_.single() ? fmt::format("best {} so far", record_.value_name) : "hypervolume";
  }

  static const char* colour(std::size_t sampler) { return kColours[sampler % kColours.size()]; }
  static const char* dash(std::size_t sampler) { return kDashes[sampler / kColours.size() % kDashes.size()]; }

  std::string point(std::size_t trial, double value) const {
    return fmt::format("{:.1f} {:.1f}", x_.pixel(static_cast<double>(trial + 1)), y_.pixel(value));
  }

  // The trials from the first one at which every run has a value.
  static std::size_t first_trial(const CompareSamplerRecord& sampler) {
    const auto found =
        std::find_if(sampler.mean.begin(), sampler.mean.end(), [](double value) { return std::isfinite(value); });
    return static_cast<std::size_t>(found - sampler.mean.begin());
  }

  std::string band(std::size_t index) const {
    const CompareSamplerRecord& sampler = record_.samplers[index];
    const std::size_t first = first_trial(sampler), count = sampler.mean.size();
    if (count < first + 2 || sampler.runs.size() < 2) return {};
    std::string path;
    for (std::size_t i = first; i < count; ++i) path += (i == first ? "M" : " L") + point(i, sampler.high[i]);
    for (std::size_t i = count; i-- > first;) path += " L" + point(i, sampler.low[i]);
    return fmt::format("<path d=\"{} Z\" fill=\"{}\" fill-opacity=\"0.15\"/>\n", path, colour(index));
  }

  std::string curve(std::size_t index) const {
    const CompareSamplerRecord& sampler = record_.samplers[index];
    std::string path;
    for (std::size_t i = first_trial(sampler); i < sampler.mean.size(); ++i) {
      path += (path.empty() ? "M" : " L") + point(i, sampler.mean[i]);
    }
    if (path.empty()) return {};
    return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}><title>{}</title></path>\n",
                       path, colour(index), dash(index), svg::escaped(sampler.name));
  }

  std::string best_line() const {
    if (!std::isfinite(record_.best)) return {};
    const double y = y_.pixel(record_.best);
    return fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
        "stroke-dasharray=\"2 3\"><title>best known: {}</title></line>\n",
        kFrame.left, y, kFrame.right(), y, svg::kInk, number_text(record_.best, 6));
  }

  // Orders the samplers by their final means, the better first; those without a value last.
  std::vector<std::size_t> ranking() const {
    std::vector<std::size_t> order(record_.samplers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const double sign = record_.direction() == Direction::kMaximize ? -1 : 1;
    const auto loss = [&](std::size_t i) {
      const std::vector<double>& mean = record_.samplers[i].mean;
      return mean.empty() || std::isnan(mean.back()) ? std::numeric_limits<double>::infinity() : sign * mean.back();
    };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return loss(a) < loss(b); });
    return order;
  }

  std::string legend() const {
    constexpr double kLine = 20;
    std::string text;
    double y = kFrame.top + 8;
    const double x = kFrame.right() + 12;
    for (const std::size_t index : ranking()) {
      text += fmt::format(
          "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"3\"{}/>\n", x, y,
          x + 22, y, colour(index), dash(index));
      text += svg::text_element(x + 28, y + 4, "start", 13, svg::kInk, record_.samplers[index].name);
      y += kLine;
    }
    return text + svg::text_element(x, y + 4, "start", 11, "#57606a",
                                    record_.seeds > 1 ? fmt::format("mean, 95 %, {} seeds", record_.seeds) : "1 seed");
  }

  const CompareRecord& record_;
  svg::Axis x_, y_;
};

}  // namespace

std::string compare_svg(const CompareRecord& record) { return Drawing(record).svg(); }

}  // namespace lathe::report
