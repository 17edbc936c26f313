#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace lathe {

/// Names what a thread spends its time on. Spelt as in study.json: do not change.
enum class Phase : std::uint8_t {
  kData,      ///< reading and preparing data sets
  kDecode,    ///< making networks: decoding, candidate keys, choice of a back end, compiling, fresh weights
  kTrain,     ///< training, shuffling included
  kEvaluate,  ///< evaluating validation or test rows
  kCost,      ///< metrics: analysis of the network, latency
  kSampler,   ///< sampler and pruner
  kStorage,   ///< the study's database
  kIdle,      ///< waiting for other threads, or not running while others do
  kOther,     ///< all the rest: reading settings, writing results
};
inline constexpr std::size_t kPhases = 9;
std::string_view to_string(Phase phase);
/// Says in a few words what belongs to a phase.
std::string_view description(Phase phase);

/// Holds where the time of a program's threads went. The phases add up to threads * wall exactly.
struct ProfileTotals {
  using Duration = std::chrono::steady_clock::duration;
  std::int64_t threads = 0;  ///< that ran at the same time, at most
  Duration wall{};
  std::array<Duration, kPhases> phases{};  ///< by Phase, summed over the threads

  double wall_seconds() const { return std::chrono::duration<double>(wall).count(); }
  double seconds(Phase phase) const;
  /// Returns the share of threads * wall in [0, 1]; 0 when no time has passed.
  double share(Phase phase) const;
};

/// Adds up, per phase, the time of the threads that take part. The clock is read where a thread changes its phase and
/// nowhere else; each thread counts for itself, so that being measured costs nothing that could be measured.
class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  /// Lets the current thread take part while it lives; it begins in Phase::kOther. A null profile: it does not. Not
  /// nested; the profile must outlive it.
  class Thread {
   public:
    explicit Thread(Profile* profile);
    ~Thread();
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

   private:
    friend class Profile;
    friend class PhaseScope;
    void change(Phase phase);
    void settle(Clock::time_point now);

    Profile* profile_;
    Phase phase_ = Phase::kOther;
    Clock::time_point since_{};
    std::array<Clock::duration, kPhases> spent_{};
  };

  /// The wall clock runs from here.
  Profile() : began_(Clock::now()) {}

  /// Returns the profile that the current thread takes part in, for the threads that it starts; null without one.
  static Profile* current();
  /// Returns what was counted until now. Of the threads that still run only the calling one is counted; time at which
  /// fewer than the most threads ran is idle.
  ProfileTotals totals();

 private:
  void add(const Thread& thread);

  Clock::time_point began_;
  std::mutex mutex_;  // taken where threads begin and end
  std::array<Clock::duration, kPhases> ended_{};
  std::int64_t running_ = 0, most_ = 0;
};

/// Puts the current thread into a phase while it lives; then the one before goes on. Scopes nest: the inner one's time
/// is not counted for the outer one. Costs two looks at the clock, and nothing in a thread that takes part in no
/// profile.
class PhaseScope {
 public:
  explicit PhaseScope(Phase phase);
  ~PhaseScope();
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  Profile::Thread* thread_;
  Phase before_ = Phase::kOther;
};

}  // namespace lathe
