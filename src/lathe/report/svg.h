#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the plots of reports share: axes, headings, colours, as text of SVG.
namespace lathe::report::svg {

inline constexpr const char* kInk = "#24292f";
inline constexpr const char* kFaint = "#d8dee4";

/// Returns the text with what SVG reserves (& < > ") replaced.
std::string escaped(std::string_view text);

/// Holds the size of a document and the margins around its plot, in points.
struct Frame {
  double width = 760, height = 500;
  double left = 78, right_margin = 24, top = 62, bottom_margin = 58;
  constexpr double right() const { return width - right_margin; }
  constexpr double bottom() const { return height - bottom_margin; }
};

/// Maps values to pixels and knows where to put ticks.
class Axis {
 public:
  /// Leaves a margin around [low, high]. The axis is logarithmic where it may be and the values span a factor of 20.
  Axis(double low, double high, double first_pixel, double last_pixel, bool may_be_logarithmic);
  double pixel(double value) const;
  std::vector<double> ticks() const;

 private:
  std::vector<double> linear_ticks() const;
  std::vector<double> logarithmic_ticks() const;

  double first_, last_;
  double low_ = 0, high_ = 1;
  bool logarithmic_ = false;
};

/// Prints a text element; `more` holds further attributes, a space before each.
std::string text_element(double x, double y, const char* anchor, int size, const char* colour, std::string_view text,
                         const char* more = "");

/// Holds the texts around a plot.
struct Headings {
  std::string title = {};
  std::string notice = {};  ///< a line below the title; may be empty
  std::string x_label = {}, y_label = {};
};

/// Opens the document on a white ground; close it with `</svg>`.
std::string opening(const Frame& frame);
std::string headings(const Frame& frame, const Headings& headings);
/// Draws both axes with ticks and grid lines.
std::string axes(const Frame& frame, const Axis& x, const Axis& y);

}  // namespace lathe::report::svg
