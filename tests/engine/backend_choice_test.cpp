#include <gtest/gtest.h>

#include "engine/fake_session.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/engine/backend.h"

namespace lathe::engine {
namespace {

class FakeNetwork final : public CompiledNetwork {
 public:
  std::int64_t session_bytes() const override { return 0; }
  std::unique_ptr<Session> make_session() const override { return std::make_unique<FakeSession>(); }
};

class FakeBackend : public Backend {
 public:
  FakeBackend(std::string name, std::optional<std::string> reason, std::string device = "cpu")
      : name_(std::move(name)), reason_(std::move(reason)), device_(std::move(device)) {}
  std::string name() const override { return name_; }
  std::string target() const override { return ""; }
  std::string accelerator() const override { return device_; }
  std::optional<std::string> refusal(const ir::Graph&) const override { return reason_; }
  std::shared_ptr<const CompiledNetwork> compile(const ir::Graph&, const SessionSettings&) const override {
    return std::make_shared<FakeNetwork>();
  }

 private:
  std::string name_;
  std::optional<std::string> reason_;
  std::string device_;
};

const char* const kReason = "node flatten_0: op flatten needs [features]";

BackendList backends(std::optional<std::string> dense_reason) {
  return {std::make_shared<FakeBackend>("dense", std::move(dense_reason)),
          std::make_shared<FakeBackend>("ref", std::nullopt)};
}

template <typename Exception>
std::string message_of(const BackendList& list, const std::string& backend, const std::string& accelerator) {
  try {
    choose_backend(list, backend, accelerator, small_graph(false));
  } catch (const Exception& error) {
    return error.what();
  }
  return "";
}

TEST(ChooseBackend, TakesTheFirstThatCan) {
  EXPECT_EQ(choose_backend(backends(std::nullopt), "auto", "auto", small_graph(false))->name(), "dense");
  EXPECT_EQ(choose_backend(backends(std::nullopt), "auto", "cpu", small_graph(false))->name(), "dense");
  EXPECT_EQ(choose_backend(backends(std::nullopt), "ref", "auto", small_graph(false))->name(), "ref");
}

TEST(ChooseBackend, NeverFallsBackToTheReference) {
  log::Capture capture;
  EXPECT_EQ(message_of<UnsupportedError>(backends(kReason), "auto", "auto"),
            "no back end can run network small:\n  dense: node flatten_0: op flatten needs [features]\n  ref: slow "
            "reference loops, only by name (--backend ref)");
  EXPECT_NE(capture.text().find("back end dense refuses network small: node flatten_0: op flatten needs [features]"),
            std::string::npos);
}

TEST(ChooseBackend, SaysWhyANamedOneRefuses) {
  EXPECT_EQ(message_of<UnsupportedError>(backends(kReason), "dense", "auto"),
            "back end dense cannot run network small: node flatten_0: op flatten needs [features]");
}

TEST(ChooseBackend, SuggestsNearNames) {
  EXPECT_EQ(message_of<UserError>(backends(std::nullopt), "dens", "auto"),
            "backend: unknown back end \"dens\"; did you mean \"dense\"? (known: auto, dense, ref)");
  EXPECT_EQ(message_of<UserError>(backends(std::nullopt), "auto", "gpus"),
            "accelerator: unknown accelerator \"gpus\"; did you mean \"gpu\"? (known: auto, cpu, gpu, cuda, mps)");
}

TEST(ChooseBackend, RefusesAnAcceleratorThatIsNotThere) {
  for (const char* name : {"gpu", "cuda"})
    EXPECT_EQ(message_of<UnsupportedError>(backends(std::nullopt), "auto", name),
              std::string("accelerator = \"") + name +
                  "\": this build of lathe has no back end for GPUs; run on the processor with --accelerator cpu");
  EXPECT_EQ(message_of<UnsupportedError>(backends(std::nullopt), "auto", "mps"),
            "accelerator = \"mps\": this build of lathe has no back end for Apple GPUs; run on the processor with "
            "--accelerator cpu");
}

TEST(ChooseBackend, ResolvesTheAcceleratorFirst) {
  BackendList list = backends(std::nullopt);
  list.push_back(std::make_shared<FakeBackend>("torch", std::nullopt, "gpu"));
  EXPECT_EQ(choose_backend(list, "auto", "gpu", small_graph(false))->name(), "torch");
  EXPECT_EQ(choose_backend(list, "auto", "cuda", small_graph(false))->name(), "torch");
  EXPECT_EQ(message_of<UnsupportedError>(list, "dense", "gpu"),
            "back end dense runs on the accelerator \"cpu\", not on \"gpu\"");
}

BackendList torch_on(std::optional<std::string> gpu_reason) {
  return {std::make_shared<FakeBackend>("dense", kReason),
          std::make_shared<FakeBackend>("torch", std::move(gpu_reason), "gpu"),
          std::make_shared<FakeBackend>("torch", std::nullopt, "cpu"),
          std::make_shared<FakeBackend>("ref", std::nullopt)};
}

TEST(ChooseBackend, OneOfTwoDevicesRunsWhereItIsNamed) {
  const auto accelerator = [](const BackendList& list, const std::string& backend, const std::string& wanted) {
    return choose_backend(list, backend, wanted, small_graph(false))->accelerator();
  };
  EXPECT_EQ(accelerator(torch_on(std::nullopt), "auto", "auto"), "gpu");
  EXPECT_EQ(accelerator(torch_on(std::nullopt), "torch", "auto"), "gpu");
  EXPECT_EQ(accelerator(torch_on(std::nullopt), "torch", "cpu"), "cpu");
  EXPECT_EQ(accelerator(torch_on("no device"), "torch", "auto"), "cpu");
  EXPECT_EQ(message_of<UnsupportedError>(torch_on("no device"), "torch", "gpu"),
            "back end torch cannot run network small: no device");
  EXPECT_EQ(message_of<UnsupportedError>(torch_on("no device"), "torch", "mps"),
            "accelerator = \"mps\": this build of lathe has no back end for Apple GPUs; run on the processor with "
            "--accelerator cpu");
}

TEST(ChooseBackend, TorchOnTheProcessorIsNeverChosenByItself) {
  EXPECT_EQ(
      message_of<UnsupportedError>(torch_on("no device"), "auto", "auto"),
      "no back end can run network small:\n  dense: node flatten_0: op flatten needs [features]\n  torch: no "
      "device\n  torch: libtorch on the processor, only by name (--backend torch)\n  ref: slow reference loops, only "
      "by name (--backend ref)");
}

TEST(MacroAccuracy, LeavesOutClassesThatDoNotOccur) {
  EvaluationResult result;
  result.class_rows = {4, 2, 0, 0};
  result.class_correct = {3, 1, 0, 0};
  result.class_predicted = {4, 1, 1, 0};
  EXPECT_DOUBLE_EQ(result.macro_accuracy(), (0.75 + 0.5 + 0) / 3);
}

}  // namespace
}  // namespace lathe::engine
