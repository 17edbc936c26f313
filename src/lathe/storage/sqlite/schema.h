#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lathe::storage::sqlite {

/// Optuna's schema_version since 1.0. Do not change.
inline constexpr int kSchemaVersion = 12;
/// The revision of 3.2 and everything after, and that of 3.0 and 3.1, which lacks the index. Do not change.
inline constexpr std::string_view kNewestRevision = "v3.2.0.a";
inline constexpr std::string_view kRevision31 = "v3.0.0.d";

struct TableDefinition {
  std::string_view name;
  const char* sql;  ///< CREATE TABLE IF NOT EXISTS ..., as SQLAlchemy writes it for Optuna
};

/// Lists all tables that Optuna makes.
std::span<const TableDefinition> tables();
/// The index on study names of all revisions, and the one that v3.2.0.a adds.
extern const char* const kStudyNameIndex;
extern const char* const kTrialStudyIndex;

/// Tells how a revision relates to those that lathe reads and writes.
enum class RevisionKind { kKnown, kOlder, kNewer };
RevisionKind revision_kind(std::string_view revision);

/// Returns the revision for `optuna_compat`: "" or 3.2 and above give v3.2.0.a, "3.0" and "3.1" v3.0.0.d. Throws
/// UserError for anything else.
std::string_view revision_for(const std::string& optuna_compat);

}  // namespace lathe::storage::sqlite
