#pragma once

#include <functional>
#include <string>
#include <unordered_set>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Visits every point of a finite space once, in the order that `order` gives (a bijection on the codes 0 .. size-1):
/// trial t takes point order(t), so that nothing depends on which trials have ended. Trials that were not proposed by
/// the walk (enqueued by hand) are recognised when they are announced: their points are left out, and the points whose
/// numbers they took are visited at the end, as are those of numbers that were never announced (trials outside the
/// space). Constant memory but for such trials.
class Walk final : public Sampler {
 public:
  using Order = std::function<std::uint64_t(std::uint64_t)>;
  /// With `deduplicate` false the walk starts over when it is through. Throws UserError naming `sampler` for a
  /// continuous parameter (named) and for more than 2^62 points.
  Walk(const std::string& sampler, parameter::Space space, bool deduplicate);

  void set_order(Order order) { order_ = std::move(order); }
  std::uint64_t size() const { return size_; }

  std::optional<Assignment> ask(std::int64_t number) override;
  void announce(std::int64_t number, const Assignment& assignment) override;
  void tell(const FinishedTrial&) override {}

 private:
  bool visited(std::uint64_t position) const;
  std::optional<Assignment> next_left_over();

  parameter::Space space_;
  std::uint64_t size_ = 0;
  bool deduplicate_;
  Order order_;
  std::uint64_t announced_ = 0;                ///< trials 0 .. announced_-1 were given their points
  std::unordered_set<std::uint64_t> skipped_;  ///< numbers whose trials were not the walk's points
  std::unordered_set<std::uint64_t> foreign_;  ///< codes of these points
  std::uint64_t cursor_ = 0;                   ///< all positions before are visited
};

}  // namespace lathe::sampler
