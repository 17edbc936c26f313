#include "lathe/base/profile.h"

#include <algorithm>

#include "lathe/base/check.h"

namespace lathe {
namespace {

struct PhaseText {
  std::string_view name, description;
};

constexpr std::array<PhaseText, kPhases> kTexts{{
    {"data", "reading and preparing the data set"},
    {"decode", "making networks: decoding, compiling, fresh weights"},
    {"train", "training, shuffling included"},
    {"evaluate", "evaluating validation and test rows"},
    {"cost", "metrics: cost analysis, latency"},
    {"sampler", "sampler and pruner"},
    {"storage", "the study's database"},
    {"idle", "threads that waited or did not run"},
    {"other", "settings, result files, everything else"},
}};

constinit thread_local Profile::Thread* current_thread = nullptr;

std::size_t index(Phase phase) { return static_cast<std::size_t>(phase); }

}  // namespace

std::string_view to_string(Phase phase) { return kTexts[index(phase)].name; }

std::string_view description(Phase phase) { return kTexts[index(phase)].description; }

double ProfileTotals::seconds(Phase phase) const { return std::chrono::duration<double>(phases[index(phase)]).count(); }

double ProfileTotals::share(Phase phase) const {
  return wall.count() == 0 ? 0 : seconds(phase) / (static_cast<double>(threads) * wall_seconds());
}

Profile::Thread::Thread(Profile* profile) : profile_(profile) {
  if (profile_ == nullptr) return;
  LATHE_CHECK(current_thread == nullptr, "this thread takes part in a profile already");
  current_thread = this;
  const std::lock_guard lock(profile_->mutex_);
  profile_->most_ = std::max(profile_->most_, ++profile_->running_);
  since_ = Clock::now();
}

Profile::Thread::~Thread() {
  if (profile_ == nullptr) return;
  current_thread = nullptr;
  const std::lock_guard lock(profile_->mutex_);
  settle(Clock::now());
  profile_->add(*this);
  --profile_->running_;
}

void Profile::Thread::settle(Clock::time_point now) {
  spent_[index(phase_)] += now - since_;
  since_ = now;
}

void Profile::Thread::change(Phase phase) {
  if (phase == phase_) return;
  settle(Clock::now());
  phase_ = phase;
}

Profile* Profile::current() { return current_thread == nullptr ? nullptr : current_thread->profile_; }

void Profile::add(const Thread& thread) {
  for (std::size_t i = 0; i < kPhases; ++i) ended_[i] += thread.spent_[i];
}

ProfileTotals Profile::totals() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  ProfileTotals totals{.threads = std::max<std::int64_t>(most_, 1), .wall = now - began_, .phases = ended_};
  if (current() == this) {
    current_thread->settle(now);
    for (std::size_t i = 0; i < kPhases; ++i) totals.phases[i] += current_thread->spent_[i];
  }
  Clock::duration counted{};
  for (const Clock::duration spent : totals.phases) counted += spent;
  totals.phases[index(Phase::kIdle)] += totals.threads * totals.wall - counted;
  return totals;
}

PhaseScope::PhaseScope(Phase phase) : thread_(current_thread) {
  if (thread_ == nullptr) return;
  before_ = thread_->phase_;
  thread_->change(phase);
}

PhaseScope::~PhaseScope() {
  if (thread_ != nullptr) thread_->change(before_);
}

}  // namespace lathe
