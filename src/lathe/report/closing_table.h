#pragma once

#include <string>

#include "lathe/report/table.h"
#include "lathe/report/trial_record.h"

/// What a search prints when it ends.
namespace lathe::report {

/// Prints the best trials, best first by the first objective: number, the study's metrics, value, choices, the
/// resulting widths and bits. With one objective the `most_rows` best distinct candidates, else the whole Pareto front.
/// A metric whose spread exceeds 10 % shows it: `0.0123 ±14%` (`+-` without unicode). After a race: the mean of each
/// uncertain objective with its standard error, of seeds and evaluated rows together, the probability of being on the
/// front (with one objective: of being the best), and below the table what would decide the first five ties. Accuracies
/// no better than naming the commonest class are marked `(chance)`.
std::string best_table(const StudyRecord& study, const TableStyle& style, std::size_t most_rows = 10);
/// Prints every trial in the order of numbers, with its state and reason; the best ones are marked with `*`.
std::string all_trials_table(const StudyRecord& study, const TableStyle& style);
/// Prints the test scores: mean and standard error over the seeds.
std::string final_table(const StudyRecord& study, const TableStyle& style);
/// Prints `40 trials in 12.3 s: 36 complete (4 of them duplicates), 4 failed`, and a line per reason of failure with
/// the number of trials that it struck (the most frequent three).
std::string trial_summary(const StudyRecord& study);

/// Shortens `seq_blocks_2/config/channel_multiplier` -> `2` pairs into one cell: `seq_blocks_2=2` where all have the
/// same key, else `seq_blocks_2.channel_multiplier=2`.
std::string choices_text(const std::vector<std::pair<std::string, std::string>>& choices);

}  // namespace lathe::report
