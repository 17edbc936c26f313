#include "lathe/cli/trial_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lathe/app/kept_weights.h"
#include "lathe/base/error.h"
#include "lathe/report/mase_files.h"

namespace lathe::cli {

std::vector<Flag> trial_flags() {
  return {{.names = {"--from"}, .value_name = "PATH", .help = "best.json of a search: take the network of a trial"},
          {.names = {"--trial"}, .value_name = "K", .help = "number of the trial in --from"}};
}

std::optional<std::string> weights_of_trial(const Invocation& invocation) {
  if (!invocation.has("--from") && !invocation.has("--trial")) return std::nullopt;
  if (!invocation.has("--from")) throw UserError("--trial", "needs --from with the best.json of a search");
  const std::filesystem::path results = *invocation.text("--from");
  if (!invocation.has("--trial")) {
    const std::vector<std::int64_t> numbers = report::saved_trial_numbers(results);
    throw UserError("--from", fmt::format("needs --trial with one of the trials in {}: {}", results.string(),
                                          fmt::join(numbers, ", ")));
  }
  const std::int64_t number = *invocation.integer("--trial", 0);
  return app::saved_weights(results, report::read_saved_trial(results, number)).string();
}

}  // namespace lathe::cli
