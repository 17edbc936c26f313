#pragma once

#include <string>

#include "lathe/report/compare_record.h"

namespace lathe::report {

/// Draws the mean curve of each sampler against trials, its 95 % interval as a band and the best value known as a
/// dashed line, as an SVG document of 760 x 500 points with a legend, the best sampler first. Equal records give equal
/// text.
std::string compare_svg(const CompareRecord& record);

}  // namespace lathe::report
