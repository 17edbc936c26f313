#include "lathe/trial/machine_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace lathe::trial {
namespace {

TEST(MachineGate, LetsManyStayTogether) {
  MachineGate gate;
  const MachineGate::Stay first(gate, false);
  std::thread([&] { const MachineGate::Stay second(gate, false); }).join();  // does not wait
}

TEST(MachineGate, GivesAMeasurementTheMachineAlone) {
  MachineGate gate;
  std::atomic<int> inside{0}, most_beside{0};
  const auto stay = [&](bool alone) {
    for (int i = 0; i < 200; ++i) {
      const MachineGate::Stay here(gate, alone);
      const int beside = inside.fetch_add(1);
      if (alone && beside > most_beside) most_beside = beside;
      std::this_thread::yield();
      if (alone && inside > 1) most_beside = inside - 1;
      inside.fetch_sub(1);
    }
  };
  std::vector<std::thread> threads;
  for (const bool alone : {false, true, false, true}) threads.emplace_back(stay, alone);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most_beside, 0);
}

TEST(MachineGate, AMeasurementWaitsForThoseWhoStay) {
  MachineGate gate;
  std::optional<MachineGate::Stay> running;
  running.emplace(gate, false);
  std::atomic<bool> left{false};
  std::future<bool> measured = std::async(std::launch::async, [&] {
    const MachineGate::Stay alone(gate, true);
    return left.load();
  });
  left = true;
  running.reset();
  EXPECT_TRUE(measured.get());
}

}  // namespace
}  // namespace lathe::trial
