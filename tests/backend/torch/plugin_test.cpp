// The stand-in that loads the plugin: what it says where there is none.
#include <gtest/gtest.h>

#include <filesystem>

#include "conformance/networks.h"
#include "lathe/backend/torch/torch.h"
#include "lathe/base/error.h"

namespace lathe::backend {
namespace {

ir::Graph network() { return conformance::make_chain(4, {conformance::linear(4, 3)}); }

TEST(TorchPlugin, IsLookedForBesideTheProgramAndAmongTheLibraries) {
  const auto folders = torch_plugin_folders();
  ASSERT_EQ(folders.size(), 2U);
  EXPECT_EQ(folders[0], std::filesystem::read_symlink("/proc/self/exe").parent_path());
  EXPECT_EQ(folders[1].filename(), "lathe");
}

TEST(TorchPlugin, AnAbsentOneIsARefusalThatSaysWhereItWasLookedFor) {
  const auto backend = make_torch_cpu_backend({"/nowhere/a", "/nowhere/b"});
  EXPECT_EQ(backend->name(), "torch");
  EXPECT_EQ(backend->accelerator(), "cpu");
  const std::string reason =
      "this lathe was built without the torch back end (no liblathe_backend_torch.so in /nowhere/a, /nowhere/b); "
      "docs/gpu.md says how to build it";
  EXPECT_EQ(backend->refusal(network()), reason);
  EXPECT_EQ(backend->loss_refusal({}), reason);
  EXPECT_EQ(backend->precision_refusal(engine::Precision::kFloat32), reason);
  EXPECT_THROW(static_cast<void>(backend->compile(network(), {})->make_session()), UnsupportedError);
}

TEST(TorchPlugin, AFileThatIsNoneIsARefusal) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "torch_plugin_test";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(std::filesystem::path(LATHE_SOURCE_DIR) / "README.md",
                             folder / "liblathe_backend_torch.so", std::filesystem::copy_options::overwrite_existing);
  const auto reason = make_torch_cpu_backend({folder})->refusal(network());
  ASSERT_TRUE(reason.has_value());
  EXPECT_TRUE(reason->starts_with("cannot load the torch back end: ")) << *reason;
  std::filesystem::remove_all(folder);
}

TEST(TorchPlugin, WithoutADriverNothingIsLoaded) {
  if (std::filesystem::exists("/dev/nvidiactl")) GTEST_SKIP() << "this machine has an NVIDIA driver";
  const auto reason = make_torch_gpu_backend({"/nowhere"})->refusal(network());
  ASSERT_TRUE(reason.has_value());
  EXPECT_EQ(
      *reason,
      "this machine has no NVIDIA driver (neither /dev/nvidiactl nor libcuda.so.1); --accelerator cpu runs on the "
      "processor");
}

}  // namespace
}  // namespace lathe::backend
