#include "lathe/parameter/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "lathe/base/error.h"

namespace lathe::parameter {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Distribution, StepLowersHighToTheGrid) {
  EXPECT_EQ(checked(Integer{.low = 2, .high = 9, .step = 3}), Distribution(Integer{.low = 2, .high = 8, .step = 3}));
  EXPECT_EQ(size(checked(Integer{.low = 2, .high = 9, .step = 3})), 3);
  const Distribution grid = checked(Float{.low = 0.1, .high = 0.75, .step = 0.2});
  EXPECT_EQ(size(grid), 4);
  EXPECT_EQ(choice(grid, 3), Choice(0.7));
}

TEST(Distribution, GridValuesReadAsPeopleWriteThem) {
  const Distribution grid = checked(Float{.low = 0.0, .high = 1.0, .step = 0.1});
  EXPECT_EQ(to_string(choice(grid, 3)), "0.3");
  EXPECT_EQ(size(grid), 11);
}

TEST(Distribution, CodesAndInternalValuesAreInverse) {
  const Distribution list = Categorical{{std::int64_t{2}, 0.5, std::string("a"), std::monostate{}, true}};
  const Distribution integers = Integer{.low = -4, .high = 12, .step = 4};
  const Distribution grid = Float{.low = 0.25, .high = 1.5, .step = 0.25};
  for (const Distribution& distribution : {list, integers, grid}) {
    for (double code = 0; code < static_cast<double>(*size(distribution)); ++code) {
      EXPECT_EQ(code_of_internal(distribution, internal_value(distribution, code)), code);
      EXPECT_EQ(code_of(distribution, choice(distribution, code)), code);
    }
    EXPECT_EQ(code_of_internal(distribution, -100), std::nullopt);
    EXPECT_EQ(code_of_internal(distribution, 100), std::nullopt);
  }
  EXPECT_EQ(code_of_internal(integers, 1), std::nullopt);
}

TEST(Distribution, ContinuousFloatsAreTheirOwnCodes) {
  const Distribution range = Float{.low = 1e-5, .high = 0.1, .step = {}, .log = true};
  EXPECT_EQ(size(range), std::nullopt);
  EXPECT_EQ(internal_value(range, 0.003), 0.003);
  EXPECT_EQ(code_of_internal(range, 0.003), 0.003);
  EXPECT_EQ(code_of_internal(range, 0.2), std::nullopt);
}

TEST(Distribution, OneAndOnePointZeroAreOneChoice) {
  const Distribution list = Categorical{{std::int64_t{1}, std::int64_t{2}}};
  EXPECT_EQ(code_of(list, 2.0), 1.0);
  EXPECT_EQ(code_of(list, std::string("2")), std::nullopt);
}

TEST(Distribution, RefusalsSayWhatIsWrong) {
  EXPECT_EQ(message_of([] { checked(Integer{.low = 3, .high = 2}); }), "low 3 is above high 2");
  EXPECT_EQ(message_of([] { checked(Integer{.low = 0, .high = 2, .step = 1, .log = true}); }),
            "log needs low >= 1; got 0");
  EXPECT_EQ(message_of([] { checked(Float{.low = 0.1, .high = 2, .step = 0.1, .log = true}); }),
            "log and step exclude each other");
  EXPECT_EQ(message_of([] { checked(Float{.low = 0, .high = 2, .step = -1.0}); }), "step must be above 0; got -1");
  EXPECT_EQ(message_of([] { checked(Float{.low = 0, .high = 2, .step = INFINITY}); }), "step must be finite");
  EXPECT_EQ(message_of([] { checked(Float{.low = 0, .high = 1e300, .step = 1e-300}); }),
            "the step is too small for the range");
  EXPECT_EQ(message_of([] { checked(Float{.low = -1.5e308, .high = 1.5e308}); }), "low and high are too far apart");
  EXPECT_EQ(message_of([] { checked(Float{.low = 0, .high = INFINITY}); }), "low and high must be finite");
  EXPECT_EQ(message_of([] { checked(Float{.low = NAN, .high = 1}); }), "low and high must be finite");
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(message_of([] { checked(Integer{.low = -kLargest, .high = kLargest}); }),
            "integers beyond 2^53 are not supported");
  EXPECT_EQ(size(checked(Integer{.low = 1, .high = std::int64_t{1} << 53, .step = kLargest})), 1);
  EXPECT_EQ(message_of([] { checked(Integer{.low = 1, .high = 5, .step = 0}); }), "step must be at least 1; got 0");
  EXPECT_EQ(message_of([] { checked(Categorical{}); }), "needs at least one choice");
}

}  // namespace
}  // namespace lathe::parameter
