#include "lathe/engine/history.h"

#include <gtest/gtest.h>

namespace lathe::engine {
namespace {

TEST(History, LeavesFiguresThatWereNotTakenEmpty) {
  std::vector<HistoryRow> history(2);
  history[0] = {.step = 50, .epoch = 0.5, .learning_rate = 0.01, .train_loss = 1.25, .train_accuracy = 0.5};
  history[1] = {.step = 100, .epoch = 1, .learning_rate = 0.01, .validation_loss = 0.1, .validation_accuracy = 0.75};
  EXPECT_EQ(history_csv(history),
            "step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy\n"
            "50,0.5,0.01,1.25,0.5,,\n"
            "100,1,0.01,,,0.1,0.75\n");
}

TEST(History, OfTokensHasPerplexities) {
  std::vector<HistoryRow> history(1);
  history[0] = {.step = 1, .epoch = 1, .learning_rate = 0.5, .validation_loss = 0.0, .validation_accuracy = 1};
  EXPECT_EQ(history_csv(history, true),
            "step,epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,train_perplexity,"
            "validation_perplexity\n"
            "1,1,0.5,,,0,1,,1\n");
}

}  // namespace
}  // namespace lathe::engine
