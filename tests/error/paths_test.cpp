#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "program.h"

namespace lathe {
namespace {

constexpr const char* kOtherUser = "setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent ";
constexpr const char* kNoRights = "Permission denied";
constexpr const char* kCircle = "Too many levels of symbolic links";
constexpr const char* kLongName = "File name too long";

struct Call {
  std::string arguments;
  std::string reason;
  std::string environment = "env ";
};

// A folder with a circle of links and a folder that nobody else may enter.
class Paths : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("LATHE_PROGRAM") == nullptr) GTEST_SKIP() << "LATHE_PROGRAM is not set; run through ctest";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0777));
    std::filesystem::create_symlink("loop", folder_.path() / "loop");
    std::filesystem::create_directory(folder_.path() / "private");
    for (const char* name : {"m.safetensors", "t.csv", "t.onnx", "s.db", "study.toml"}) {
      std::ofstream(folder_.path() / "private" / name) << "1,2\n3,4\n";
    }
    std::filesystem::permissions(folder_.path() / "private", std::filesystem::perms(0700));
  }

  testing::ProgramResult run(const Call& call) const {
    return testing::run_program("( cd '" + folder_.path().string() + "' && " + call.environment +
                                    "LATHE_DATA_DIR= \"$LATHE_PROGRAM\" " + call.arguments + " )",
                                captured_.path());
  }

  // Expects an error of data or of the system that tells the system's reason.
  void expect_reason(const Call& call) const {
    const testing::ProgramResult result = run(call);
    EXPECT_TRUE(result.exit_code == 3 || result.exit_code == 5) << call.arguments << ": " << result.exit_code;
    EXPECT_NE(result.errors.find(call.reason), std::string::npos) << call.arguments << "\n" << result.errors;
    EXPECT_EQ(result.errors.find("internal error"), std::string::npos) << result.errors;
  }

  const testing::TemporaryFolder folder_, captured_;
};

TEST_F(Paths, InACircleOrTooLongAreTold) {
  const std::string model = std::string("--config ") + LATHE_SOURCE_DIR + "/examples/model_table.toml ";
  const std::string study = std::string("--config ") + LATHE_SOURCE_DIR + "/examples/quickstart.toml ";
  const std::string name(300, 'x');
  for (const auto& [path, reason] : {std::pair<std::string, const char*>{"loop", kCircle}, {name, kLongName}}) {
    expect_reason({"info --load " + path + "/m.safetensors", reason});
    expect_reason({"info --load " + path, reason});
    expect_reason({"info --config " + path, reason});
    expect_reason({"info --from " + path + " --trial 1", reason});
    expect_reason({"import " + path, reason});
    expect_reason({"study list --storage " + path + "/s.db", reason});
    expect_reason({"study list --storage sqlite:///" + path, reason});
    expect_reason({"study list --project-dir " + path, reason});
    expect_reason({"study import " + path + " --storage new.db", reason});
    expect_reason({"train " + model + "--project-dir " + path, reason});
    expect_reason({"search " + study + "--project-dir " + path, reason});
    expect_reason({"table show " + path + "/x", reason});
  }
}

TEST_F(Paths, OfAnotherUserAreTold) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: there is no other user to act as";
  const Call probe{"--version", "", kOtherUser};
  if (run(probe).exit_code != 0) GTEST_SKIP() << "another user cannot run " << std::getenv("LATHE_PROGRAM");
  const std::string model = std::string("--config ") + LATHE_SOURCE_DIR + "/examples/model_table.toml ";
  const std::string study = std::string("--config ") + LATHE_SOURCE_DIR + "/examples/quickstart.toml ";
  for (const std::string& arguments :
       {std::string("info --load private/m.safetensors"), std::string("info --config private/study.toml"),
        std::string("import private/t.onnx"), std::string("study list --storage private/s.db"),
        std::string("study list --project-dir private"), "train " + model + "--project-dir private/x",
        "search " + study + "--project-dir private/x", "search " + study + "--storage private/s.db --project-dir .",
        std::string("study import private/s.db --storage new.db"), std::string("table show private/t")}) {
    expect_reason({arguments, kNoRights, kOtherUser});
  }
}

}  // namespace
}  // namespace lathe
