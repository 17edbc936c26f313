#include <gtest/gtest.h>

#include <cmath>

#include "lathe/base/error.h"
#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

double evaluate(const std::string& text) {
  return Expression::parse(text).evaluate({{"accuracy", 0.5}, {"loss", 2}, {"latency", 4}, {"flops", 1320}});
}

std::string message_of(const std::string& text) {
  try {
    Expression::parse(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Expression, FollowsTheUsualPrecedence) {
  EXPECT_DOUBLE_EQ(evaluate("accuracy - loss - 0.1 * latency"), 0.5 - 2 - 0.4);
  EXPECT_DOUBLE_EQ(evaluate("loss + latency * 2 ^ 2"), 18);
  EXPECT_DOUBLE_EQ(evaluate("(loss + latency) * 2"), 12);
  EXPECT_DOUBLE_EQ(evaluate("-loss ^ 2"), -4);
  EXPECT_DOUBLE_EQ(evaluate("2 ^ -loss"), 0.25);
  EXPECT_DOUBLE_EQ(evaluate("2 ^ loss ^ 3"), 256);
  EXPECT_DOUBLE_EQ(evaluate("latency / loss / 2"), 1);
  EXPECT_DOUBLE_EQ(evaluate("loss - -1"), 3);
  EXPECT_DOUBLE_EQ(evaluate("1e-3*flops"), 1.32);
}

TEST(Expression, KnowsFunctions) {
  EXPECT_DOUBLE_EQ(evaluate("min(loss, latency, accuracy)"), 0.5);
  EXPECT_DOUBLE_EQ(evaluate("max(loss, latency)"), 4);
  EXPECT_DOUBLE_EQ(evaluate("abs(-loss) + sqrt(latency)"), 4);
  EXPECT_DOUBLE_EQ(evaluate("log(exp(loss))"), 2);
}

TEST(Expression, ListsEachMetricOnceByItsOwnName) {
  const std::vector<std::string> expected{"flops", "accuracy"};
  EXPECT_EQ(Expression::parse("FLOPs + accuracy * flops").names(), expected);
}

TEST(Expression, PointsAtMistakes) {
  EXPECT_EQ(message_of("accuracy +"), "formula \"accuracy +\", character 11: the formula ends too early");
  EXPECT_EQ(message_of("(accuracy"), "formula \"(accuracy\", character 10: expected \")\"");
  EXPECT_EQ(message_of("accuracy loss"), "formula \"accuracy loss\", character 10: unexpected \"l\"");
  EXPECT_EQ(message_of("1 + 2"), "formula \"1 + 2\", character 6: names no metric");
  EXPECT_EQ(message_of("min(loss)"), "formula \"min(loss)\", character 10: min takes two arguments or more");
  EXPECT_EQ(message_of("abs(loss, 1)"), "formula \"abs(loss, 1)\", character 13: abs takes one argument");
  EXPECT_EQ(message_of("loss $ 2"), "formula \"loss $ 2\", character 6: unexpected \"$\"");
  EXPECT_NE(message_of(std::string(100000, '(') + "loss").find("too deeply nested"), std::string::npos);
}

TEST(Expression, ShowsTheNearestMetric) {
  const std::string message = message_of("accuracy - los");
  EXPECT_EQ(
      message.rfind("formula \"accuracy - los\", character 12: unknown metric \"los\"; did you mean \"loss\"?", 0), 0u)
      << message;
}

}  // namespace
}  // namespace lathe::metric
