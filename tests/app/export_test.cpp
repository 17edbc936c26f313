#include "lathe/app/export.h"

#include <gtest/gtest.h>

#include "lathe/app/import.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/engine/train.h"
#include "lathe/model/zoo.h"
#include "program.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

/// A small network with fresh weights as a model file, and a folder to write to.
class Exports : public ::testing::Test {
 protected:
  Exports() : graph_(model::make_model("jsc-tiny", {.input_shape = {16}, .classes = 5})) {
    checkpoint::save_model(path("net.safetensors"), graph_, engine::initial_state(graph_, 1, 2, 0), {});
    request_.settings.load_name = path("net.safetensors").string();
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  std::string refusal(const ExportRequest& wanted) const {
    try {
      export_network(request_, wanted);
    } catch (const UserError& error) {
      return error.what();
    }
    return "none";
  }

  const lathe::testing::TemporaryFolder folder_;
  const log::Capture quiet_;
  ir::Graph graph_;
  Request request_;
};

TEST_F(Exports, WriteEveryFormatOfTheList) {
  for (const Exporter& exporter : exporters()) {
    SCOPED_TRACE(exporter.name);
    EXPECT_FALSE(exporter.help.empty());
    EXPECT_EQ(exporter.suffix.front(), '.');
    for (const ExporterOption& option : exporter.options) EXPECT_FALSE(option.help.empty()) << option.name;
    const fs::path file = path("out" + exporter.suffix), again = path("again" + exporter.suffix);
    const ExportResult result =
        export_network(request_, {.format = exporter.name, .file = file, .check = static_cast<bool>(exporter.read)});
    EXPECT_EQ(result.format, exporter.name);
    EXPECT_FALSE(result.raw_rows) << "the weights do not say how their rows were scaled";
    if (exporter.read) {
      EXPECT_TRUE(result.check->same_graph);
      EXPECT_EQ(result.check->largest_difference, 0.0);
    }
    export_network(request_, {.format = exporter.name, .file = again});
    EXPECT_FALSE(read_file(file).empty());
    EXPECT_EQ(read_file(file), read_file(again)) << "equal networks give equal bytes";
  }
}

TEST_F(Exports, ComeBackAsModelFiles) {
  const fs::path file = path("out.onnx"), model = path("back.safetensors");
  export_network(request_, {.file = file});
  EXPECT_EQ(ir::to_text(import_network(file).graph), ir::to_text(graph_));
  EXPECT_FALSE(fs::exists(model));
  import_network(file, model);
  const checkpoint::LoadedModel loaded = checkpoint::load_model(model);
  EXPECT_EQ(ir::to_text(loaded.graph), ir::to_text(graph_));
  EXPECT_EQ(loaded.facts.at("weights"), file.string());
}

TEST_F(Exports, SayWhatDoesNotFitBeforeAnythingIsWritten) {
  const fs::path file = path("out.onnx");
  EXPECT_EQ(
      refusal({.format = "qonx", .file = file}).find("--format: unknown format \"qonx\"; did you mean \"qonnx\"?"), 0U);
  EXPECT_EQ(refusal({.file = file, .options = {{"unroll", "4"}}}), "--unroll: does not go with --format onnx");
  EXPECT_EQ(refusal({.file = file, .options = {{"with-preprocessing", ""}, {"without-preprocessing", ""}}}),
            "--with-preprocessing: contradicts --without-preprocessing; give one of them");
  EXPECT_EQ(refusal({.file = file, .options = {{"with-preprocessing", ""}}}),
            "--with-preprocessing: " + request_.settings.load_name +
                " does not say how its rows were scaled (another program or an earlier lathe wrote it); weights that "
                "this lathe trains do");
  request_.settings.load_name = "";
  request_.settings.model = "jsc-tiny";
  request_.root = config::parse_text("model = \"jsc-tiny\"", "study.toml");
  EXPECT_EQ(refusal({.file = file}),
            "--load: is missing: lathe export writes trained weights (training_ckpts/best.safetensors)");
  EXPECT_FALSE(fs::exists(file));
}

}  // namespace
}  // namespace lathe::app
