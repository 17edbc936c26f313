#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares the sampler that picks another one by the space, the objectives and the planned trials, and says why
/// (Sampler::explanation). First that fits:
/// - brute_force where the planned trials cover the whole space;
/// - evolution for more than 128 parameters, and for more than three objectives nsgaiii: a Gaussian process is slow
///   there;
/// - gp, whose model knows most per trial; after 500 trials, where it costs tens of milliseconds a trial, evolution
///   from all that was found.
/// The measurements behind it: docs/performance.md, suite efficiency.
SamplerKind auto_kind();

}  // namespace lathe::sampler
