#include "lathe/base/process_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "lathe/base/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class AvailableMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() /
            ("lathe_memory_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    make_directories((root_ / path).parent_path());
    write_text_file_atomically(root_ / path, text);
  }
  fs::path root_;
};

TEST_F(AvailableMemory, IsUnknownWithoutProc) { EXPECT_EQ(available_memory(root_), std::nullopt); }

TEST_F(AvailableMemory, IsWhatTheMachineHas) {
  write("proc/meminfo", "MemTotal:       16000 kB\nMemFree:  10 kB\nMemAvailable:    8000 kB\n");
  EXPECT_EQ(available_memory(root_), 8000 * 1024);
}

TEST_F(AvailableMemory, IsLimitedByEveryControlGroupAroundIt) {
  write("proc/meminfo", "MemAvailable:    8000000 kB\n");
  write("proc/self/cgroup", "0::/job/step\n");
  write("sys/fs/cgroup/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/job/step/memory.current", "700000\n");
  write("sys/fs/cgroup/job/memory.max", "1000000\n");
  write("sys/fs/cgroup/job/memory.current", "900000\n");
  write("sys/fs/cgroup/job/memory.stat", "anon 500000\ninactive_file 200000\n");
  EXPECT_EQ(available_memory(root_), 300000);
  write("sys/fs/cgroup/job/step/memory.max", "800000\n");
  EXPECT_EQ(available_memory(root_), 100000);
}

TEST_F(AvailableMemory, KnowsTheFirstVersionOfControlGroups) {
  write("proc/meminfo", "MemAvailable:    8000000 kB\n");
  write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000000\n");  // of the container, mounted at the top
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "6000000\n");
  write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 1500000\n");
  EXPECT_EQ(available_memory(root_), 500000);
}

TEST(ProcessMemory, CountsWhatIsInUse) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const std::int64_t before = resident_memory();
  ASSERT_GT(before, 0);
  {
    const auto block = std::make_unique<char[]>(kBytes);
    std::memset(block.get(), 1, kBytes);
    EXPECT_GT(resident_memory(), before + (std::int64_t{60} << 20));
  }
  EXPECT_GE(peak_memory(), before + (std::int64_t{60} << 20));
  EXPECT_GT(available_memory().value_or(1), 0);
}

TEST(ProcessMemory, IsPrintedInUnits) {
  EXPECT_EQ(memory_text(1500), "2 kB");
  EXPECT_EQ(memory_text(31'240'000), "31.2 MB");
  EXPECT_EQ(memory_text(20'100'000'000), "20.1 GB");
}

}  // namespace
}  // namespace lathe
