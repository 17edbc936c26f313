#pragma once

#include <string>
#include <string_view>

#include "lathe/storage/relational/database.h"

namespace lathe::storage::relational {

/// Optuna's schema_version since 1.0. Do not change.
inline constexpr int kSchemaVersion = 12;
/// The revision of 3.2 and everything after, and that of 3.0 and 3.1, which lacks the index. Do not change.
inline constexpr std::string_view kNewestRevision = "v3.2.0.a";
inline constexpr std::string_view kRevision31 = "v3.0.0.d";

/// Tells how a revision relates to those that lathe reads and writes.
enum class RevisionKind { kKnown, kOlder, kNewer };
RevisionKind revision_kind(std::string_view revision);

/// Returns the revision for `optuna_compat`: "" or 3.2 and above give v3.2.0.a, "3.0" and "3.1" v3.0.0.d. Throws
/// UserError for anything else.
std::string_view revision_for(const std::string& optuna_compat);

/// Makes the tables that are missing and stamps `revision` on a new database. Throws SystemError, and changes nothing,
/// for a database of another program and for an older or newer schema, and for a new database unless `create`.
void prepare_schema(Database& database, std::string_view revision, bool create = true);

/// Makes the table of further evaluations, which Optuna does not know.
void make_repeats_table(Database& database);
inline constexpr std::string_view kRepeatsTable = "lathe_repeats";
/// Makes the table of what the evaluated rows said, which Optuna does not know either.
void make_outcomes_table(Database& database);
inline constexpr std::string_view kOutcomesTable = "lathe_outcomes";

}  // namespace lathe::storage::relational
