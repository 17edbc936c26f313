#include "lathe/cli/invocation.h"

#include <gtest/gtest.h>

#include "config/error_text.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "program.h"
#include "sample_command.h"

namespace lathe::cli {
namespace {

class InvocationTest : public ::testing::Test {
 protected:
  void write_study(const std::string& text) { write_text_file_atomically(study(), text); }
  std::string study() const { return (folder_.path() / "study.toml").string(); }

  Invocation invoke(std::vector<std::string> arguments) {
    Invocation invocation = merge_line(parse_command(command_, arguments));
    read_invocation(command_, invocation);
    return invocation;
  }
  std::string refused(const std::vector<std::string>& arguments) {
    std::string text = error_text([&] { invoke(arguments); });
    const std::size_t at = text.find(folder_.path().string());
    return at == std::string::npos ? text : text.erase(at, folder_.path().string().size() + 1);
  }

  Command command_ = sample_command();
  testing::TemporaryFolder folder_;
};

TEST_F(InvocationTest, CommandLineBeatsFileBeatsDefaultByWhatWasGiven) {
  write_study("model = \"toy\"\nmax_epochs = 5\nbatch_size = 512\n");
  const Invocation invocation = invoke({"--config", study(), "--max-epochs", "20", "--set", "seed=7"});
  EXPECT_EQ(invocation.settings.training.max_epochs, 20);  // the default, but typed
  EXPECT_EQ(invocation.settings.training.batch_size, 512);
  EXPECT_EQ(invocation.settings.seed, 7);
  EXPECT_EQ(invocation.settings.source_of("max_epochs"), "command line");
  EXPECT_EQ(invocation.settings.source_of("batch_size"), study() + ":3:1");
  EXPECT_EQ(invocation.settings.source_of("learning_rate"), "default");
  EXPECT_EQ(invocation.file.find("max_epochs")->as_integer(), 5);
}

TEST_F(InvocationTest, TakesWordsAsModelDatasetAndStudyFile) {
  write_study("model = \"toy\"\n");
  const Invocation invocation = invoke({study(), "jsc-tiny", "jets"});
  EXPECT_EQ(invocation.settings.model, "jsc-tiny");
  EXPECT_EQ(invocation.settings.dataset, "jets");
  EXPECT_EQ(invocation.config_path, study());
  EXPECT_EQ(refused({"a", "b", "c"}), "command line: \"c\": one word too many; `lathe shape --help` shows the order");
}

TEST_F(InvocationTest, FlagsOfACommandReachTheirKey) {
  const Invocation invocation = invoke({"--n-trials", "30", "--show", "all", "--trial", "4", "--project", "5"});
  EXPECT_EQ(invocation.root.find_path("search.strategy.setup.n_trials")->as_integer(), 30);
  EXPECT_EQ(invocation.text("--show"), "all");
  EXPECT_EQ(invocation.integer("--trial", 0), 4);
  EXPECT_EQ(invocation.integer("--n-trials", 0), 30);
  EXPECT_FALSE(invocation.has("--costs"));
  EXPECT_EQ(invocation.settings.project, "5");
  EXPECT_EQ(error_text([&] { invocation.integer("--trial", 5); }), "command line: --trial: must be at least 5; got 4");
}

TEST_F(InvocationTest, ChecksTypedValuesLikeThoseOfAFile) {
  EXPECT_EQ(refused({"--max-epochs", "ten"}), "command line: --max-epochs: expected an integer; got \"ten\"");
  EXPECT_EQ(refused({"--batch-size", "0"}), "command line: --batch-size: must be in [1, 16777216]; got 0");
  EXPECT_EQ(refused({"--learning-rate", "-1"}), "command line: --learning-rate: must be above 0; got -1");
  EXPECT_EQ(refused({"--show", "al"}),
            "command line: --show: must be \"best\" or \"all\"; got \"al\"; did you mean \"all\"?");
  EXPECT_EQ(refused({"--set", "max_epoch=3"}).substr(0, 75),
            "command line: max_epoch: unknown key; did you mean \"max_epochs\"? (known: mo");
  EXPECT_EQ(refused({"--set", "seed"}), "command line: --set seed: write it as --set KEY=VALUE");
  EXPECT_EQ(refused({"--pretrained"}),
            "command line: --pretrained: is refused, because there are no pretrained weights to download; give a "
            "checkpoint by load_name");
  EXPECT_EQ(refused({"--task", "tran"}),
            "command line: --task: \"tran\" is refused, because there are no networks from text to text; use "
            "\"classification\", \"regression\" or \"language_modeling\"");
}

TEST_F(InvocationTest, ReportsMistakesInTheFileWithTheirPlace) {
  write_study("model = \"toy\"\n  max_epoch = 3\n");
  EXPECT_TRUE(refused({study()}).starts_with("study.toml:2:3: max_epoch: unknown key; did you mean \"max_epochs\"?"));
  write_study("seed = 1.5\n");
  EXPECT_EQ(refused({study()}), "study.toml:1:8: seed: expected an integer; got 1.5");
  write_study("search = 3\n");
  EXPECT_EQ(refused({study()}), "study.toml:1:10: search: expected a table; got 3");
  write_study("lathe_version = \"99.0\"\n");
  EXPECT_TRUE(
      refused({study()}).starts_with("study.toml:1:17: lathe_version: the file is for lathe 99.0; this is lathe "));
}

TEST_F(InvocationTest, WarnsOfKeysWithoutEffectUnlessTheyHaveTheirDefault) {
  write_study("num_nodes = 4\nnum_devices = 1\nreport_to = \"wandb\"\n[transform]\nstyle = \"graph\"\n");
  log::Capture capture;
  invoke({study(), "--github-ci"});
  const std::string text = capture.text();
  EXPECT_NE(text.find("study.toml:1:13: num_nodes: 4 has no effect, because a run uses one machine"), std::string::npos)
      << text;
  EXPECT_NE(text.find("report_to: \"wandb\" has no effect"), std::string::npos) << text;
  EXPECT_NE(text.find("transform: has no effect"), std::string::npos) << text;
  EXPECT_NE(text.find("command line: --github-ci: true has no effect"), std::string::npos) << text;
  EXPECT_EQ(text.find("num_devices"), std::string::npos) << text;
}

TEST_F(InvocationTest, ReadsPrecisionsAsLightningSpellsThem) {
  write_study("trainer_precision = 32\n");
  EXPECT_EQ(invoke({study()}).settings.trainer_precision, "32");
  EXPECT_EQ(invoke({study(), "--trainer-precision", "16-mixed"}).settings.trainer_precision, "16-mixed");
  EXPECT_EQ(invoke({study(), "--precision", "bf16"}).settings.trainer_precision, "bf16");
  EXPECT_EQ(refused({study(), "--precision", "bf16-true"}),
            "command line: --precision: \"bf16-true\" is refused, because weights in half precision lose their small "
            "updates; use \"bf16-mixed\"");
  EXPECT_EQ(refused({study(), "--precision", "64"}),
            "command line: --precision: \"64\" is refused, because no back end computes so; use \"32\" or "
            "\"bf16-mixed\"");
  EXPECT_TRUE(refused({study(), "--precision", "bf61"}).starts_with("command line: --precision: must be \"32\""));
}

TEST_F(InvocationTest, NotAvailableMeansNotGiven) {
  write_study("load_name = \"NA\"\nmax_steps = \"NA\"\nquant_config = \"NA\"\n");
  const Invocation invocation = invoke({study()});
  EXPECT_EQ(invocation.settings.load_name, "");
  EXPECT_FALSE(invocation.settings.training.max_steps);
  EXPECT_FALSE(invocation.settings.was_given("max_steps"));
}

TEST_F(InvocationTest, ATableDescribesTheModel) {
  write_study("[model]\nlayers = []\n");
  EXPECT_TRUE(invoke({study()}).settings.model_is_table);
  EXPECT_EQ(invoke({study(), "toy"}).settings.model, "toy");
}

TEST_F(InvocationTest, NamesWhatACommandNeeds) {
  command_.needs_model = command_.needs_dataset = true;
  EXPECT_EQ(refused({}),
            "lathe shape needs a model: give it as a word, `lathe shape MODEL DATASET`, or as model = \"NAME\" in the "
            "file");
  EXPECT_EQ(refused({"toy"}),
            "lathe shape needs a data set: give it as a word, `lathe shape MODEL DATASET`, or as dataset = \"NAME\" in "
            "the file");
  command_.needs_config = true;
  EXPECT_EQ(refused({"toy", "jets"}), "lathe shape needs a study file: give --config study.toml");
}

TEST_F(InvocationTest, DrawsTheEffectiveTable) {
  write_study("max_epochs = 5\nbatch_size = 512\n");
  const std::string table = effective_table(invoke({study(), "--max-epochs", "7"}), 0, false);
  EXPECT_NE(table.find("Config. File"), std::string::npos);
  bool found = false;
  for (std::size_t at = 0; at < table.size(); at = table.find('\n', at) + 1) {
    const std::string line = table.substr(at, table.find('\n', at) - at);
    if (line.find("max_epochs") == std::string::npos) continue;
    found = true;
    EXPECT_LT(line.find("20"), line.find('5'));
    EXPECT_LT(line.find('5'), line.find('7'));
    EXPECT_LT(line.find('7'), line.rfind('7'));
  }
  EXPECT_TRUE(found) << table;
  EXPECT_EQ(effective_table(invoke({"--seed", "1"}), 0, false).find("Config. File"), std::string::npos);
}

TEST_F(InvocationTest, ResolvedSettingsGiveTheSameRunAgain) {
  write_study("max_epochs = 5\nvalidation_rows = 10\nnum_nodes = 3\n[search.strategy]\neval_mode = true\n");
  const Invocation first = invoke({study(), "toy", "jets", "--learning-rate", "0.01"});
  const std::string document = recipe::resolved_document(first.root, first.settings);
  write_study(document);
  const Invocation second = invoke({study()});
  EXPECT_EQ(recipe::resolved_document(second.root, second.settings), document);
  EXPECT_EQ(second.settings.training.learning_rate, 0.01);
  EXPECT_EQ(second.settings.validation_rows, 10);
  EXPECT_TRUE(second.root.find_path("search.strategy.eval_mode")->as_boolean());
}

}  // namespace
}  // namespace lathe::cli
