#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/report/trial_record.h"

namespace lathe::report {

struct PlotPoint {
  double x = 0, y = 0;
  bool front = false;      ///< one of the best
  std::string label = {};  ///< shown beside points of the front where there is room, and on hovering; may be empty
  double y_error = 0;      ///< half length of the error bar; 0: none
};

/// Holds a scatter plot of a study.
struct FrontPlot {
  std::string title = {};
  std::string x_label = {}, y_label = {};
  std::string notice = {};  ///< a line below the title, such as "simulated jets, not JSC"
  bool x_minimized = true;  ///< says how the steps between the points of the front run
  std::vector<PlotPoint> points = {};
};

/// Makes the plot of one metric against another; trials that lack one are left out. After a race the second one is the
/// mean over the seeds, with its standard error (of seeds and evaluated rows) as error bar. The finals' test accuracy
/// is not used. Throws UserError when no trial has both.
FrontPlot front_plot(const StudyRecord& study, const std::string& x_metric, const std::string& y_metric);
/// Makes the plot that suits a study: its first minimised against its first maximised objective, else its first two;
/// nullopt when the study has fewer than two objectives or no complete trial.
std::optional<FrontPlot> front_plot(const StudyRecord& study);

/// Draws the plot as an SVG document of 760 x 500 points. The x axis is logarithmic where the values span a factor of
/// 20 and more. Points that are not finite are left out. Equal plots give equal text.
std::string front_svg(const FrontPlot& plot);

}  // namespace lathe::report
