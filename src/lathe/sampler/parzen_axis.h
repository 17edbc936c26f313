#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/parameter/distribution.h"

namespace lathe::sampler {

/// Says which kernels a Parzen mixture has.
struct ParzenRules {
  /// Numbers of Optuna 3.1 instead of 5.0: the mean of the prior counts among the neighbours that give a kernel its
  /// width; joint mixtures have one width of Scott's form; densities lack the factor 1 / sigma; integers with `log`
  /// have densities as if they were continuous.
  bool revision_3_1 = false;
  bool joint = false;          ///< the mixture was asked for jointly (it may still have one parameter)
  std::size_t parameters = 1;  ///< parameters of the joint mixture
};

/// Holds one normal distribution cut to the domain of an axis.
struct NormalKernel {
  double mean = 0, sigma = 1;
  double scale = 1;  ///< what the density or the mass of a cell is multiplied by
};

/// Holds numbers at one position, for kernel_widths.
struct ParzenRun {
  double position = 0;
  std::size_t count = 0;
};
/// Holds the widths of the kernels of a run: the oldest one, the newest one, all between. Of a single one: `first`.
struct ParzenWidths {
  double first = 0, middle = 0, last = 0;
};

/// Describes the line on which the kernels of one parameter lie: for numbers the domain, widened by half a step at each
/// end where there is a step (integers always), in the logarithm where that is asked for. For categorical parameters
/// only the number of choices. Codes are those of parameter::Distribution.
class ParzenAxis {
 public:
  ParzenAxis(const parameter::Distribution& distribution, bool revision_3_1);

  bool is_numeric() const { return numeric_; }
  /// Tells whether the parameter has one value: it then has no part in any density.
  bool is_fixed() const { return fixed_; }
  /// Tells whether kernels have densities (continuous numbers); else cells have masses.
  bool is_smooth() const { return smooth_; }
  /// Returns the number of values; 0 where there is no such number.
  std::int64_t size() const { return size_; }
  double low() const { return low_; }
  double high() const { return high_; }
  double width() const { return high_ - low_; }

  /// Returns where a code lies on the axis; the code itself for categorical parameters.
  double position(double code) const;
  NormalKernel kernel(double mean, double sigma) const;
  const NormalKernel& prior() const { return prior_; }
  /// Returns the logarithm of a kernel's `scale` but for the mass outside the domain.
  double log_peak(double sigma) const;
  /// Returns the logarithm of the mass that a normal distribution has in the domain.
  double log_mass(double mean, double sigma) const;
  /// Returns the density of a kernel at the position of a code, or its mass in the code's cell.
  double density(double code, const NormalKernel& kernel) const;
  /// Draws a code from a kernel; of a fixed axis the only code.
  double draw(const NormalKernel& kernel, RandomStream& stream) const;

  /// Computes the widths of kernels at `runs` (ascending positions, `count` kernels in all): the larger of the gaps to
  /// both neighbours, the ends of the domain counting as neighbours of a kernel that is alone; at least the domain /
  /// min(100, count + 2), at most the domain. Within a run the gaps are zero but at its ends.
  std::vector<ParzenWidths> kernel_widths(const std::vector<ParzenRun>& runs, std::size_t count,
                                          const ParzenRules& rules) const;

 private:
  double value(double code) const;
  double on_axis(double value) const;

  bool numeric_ = false, fixed_ = false, smooth_ = false, log_ = false, density_per_sigma_ = true;
  std::int64_t size_ = 0;
  double first_value_ = 0, step_ = 0, last_value_ = 0;
  double low_ = 0, high_ = 1;
  std::vector<double> positions_;  ///< of small finite axes
  NormalKernel prior_;
};

}  // namespace lathe::sampler
