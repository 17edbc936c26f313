#include "lathe/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/report/table.h"

namespace lathe::report::svg {
namespace {

constexpr double kLogarithmicFrom = 20;  // largest / smallest value

std::string tick_text(double value) {
  if (value != 0 && std::abs(value) >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (std::abs(value) >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  return number_text(std::abs(value) < 1e-12 ? 0 : value, 4);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += letter;
    }
  }
  return out;
}

Axis::Axis(double low, double high, double first_pixel, double last_pixel, bool may_be_logarithmic)
    : first_(first_pixel), last_(last_pixel) {
  logarithmic_ = may_be_logarithmic && low > 0 && high / low >= kLogarithmicFrom;
  if (logarithmic_) {
    low_ = std::log10(low);
    high_ = std::log10(high);
  } else {
    low_ = low;
    high_ = high;
  }
  const double span = high_ > low_ ? high_ - low_ : std::max(1e-12, std::abs(high_) * 0.1);
  low_ -= span * 0.06;
  high_ += span * 0.06;
}

double Axis::pixel(double value) const {
  const double place = logarithmic_ ? std::log10(value) : value;
  return first_ + (place - low_) / (high_ - low_) * (last_ - first_);
}

std::vector<double> Axis::ticks() const { return logarithmic_ ? logarithmic_ticks() : linear_ticks(); }

std::vector<double> Axis::linear_ticks() const {
  constexpr double kTicks = 6;
  const double rough = (high_ - low_) / kTicks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough) step = factor * power;
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low_ / step); k * step <= high_; ++k) ticks.push_back(k * step);
  return ticks;
}

std::vector<double> Axis::logarithmic_ticks() const {
  const bool few_decades = high_ - low_ < 2.5;
  std::vector<double> ticks;
  for (double decade = std::floor(low_); decade <= high_; ++decade) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double place = decade + std::log10(factor);
      if ((factor == 1 || few_decades) && place >= low_ && place <= high_) ticks.push_back(std::pow(10, place));
    }
  }
  return ticks;
}

std::string text_element(double x, double y, const char* anchor, int size, const char* colour, std::string_view text,
                         const char* more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\" fill=\"{}\"{}>{}</text>\n", x,
                     y, anchor, size, colour, more, escaped(text));
}

std::string opening(const Frame& frame) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"system-ui, sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      frame.width, frame.height);
}

std::string headings(const Frame& frame, const Headings& headings) {
  std::string text = text_element(frame.left, 28, "start", 17, kInk, headings.title, " font-weight=\"600\"");
  if (!headings.notice.empty()) text += text_element(frame.left, 47, "start", 12, "#9a6700", headings.notice);
  text += text_element((frame.left + frame.right()) / 2, frame.height - 14, "middle", 14, kInk, headings.x_label);
  const double middle = (frame.top + frame.bottom()) / 2;
  return text + text_element(20, middle, "middle", 14, kInk, headings.y_label,
                             fmt::format(" transform=\"rotate(-90 20 {:.1f})\"", middle).c_str());
}

std::string axes(const Frame& frame, const Axis& x_axis, const Axis& y_axis) {
  std::string text;
  const auto line = [&](double x1, double y1, double x2, double y2, const char* colour) {
    text += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2,
                        y2, colour);
  };
  for (const double tick : x_axis.ticks()) {
    const double x = x_axis.pixel(tick);
    line(x, frame.top, x, frame.bottom(), kFaint);
    text += text_element(x, frame.bottom() + 18, "middle", 12, kInk, tick_text(tick));
  }
  for (const double tick : y_axis.ticks()) {
    const double y = y_axis.pixel(tick);
    line(frame.left, y, frame.right(), y, kFaint);
    text += text_element(frame.left - 8, y + 4, "end", 12, kInk, tick_text(tick));
  }
  line(frame.left, frame.top, frame.left, frame.bottom(), kInk);
  line(frame.left, frame.bottom(), frame.right(), frame.bottom(), kInk);
  return text;
}

}  // namespace lathe::report::svg
