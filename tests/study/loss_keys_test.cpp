#include "lathe/study/loss_keys.h"

#include <gtest/gtest.h>

#include "lathe/base/error.h"

namespace lathe::study {
namespace {

TEST(LossKeys, GiveTheUsualLossOfATask) {
  config::Settings settings;
  EXPECT_TRUE(read_loss(settings).plain());
  settings.task = "reg";
  EXPECT_EQ(read_loss(settings).name, "mean_squared_error");
  settings.loss = "mae";
  EXPECT_EQ(read_loss(settings).name, "mean_absolute_error");
  settings.loss = "cross_entropy";
  EXPECT_THROW(read_loss(settings), UserError);
}

}  // namespace
}  // namespace lathe::study
