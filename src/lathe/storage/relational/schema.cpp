#include "lathe/storage/relational/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "lathe/base/error.h"

namespace lathe::storage::relational {
namespace {

constexpr const char* kStudyNameIndex =
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name)";
constexpr const char* kTrialStudyIndex = "CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id)";

constexpr std::array<std::string_view, 8> kOlderRevisions{"v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v2.4.0.a",
                                                          "v2.6.0.a", "v3.0.0.a", "v3.0.0.b", "v3.0.0.c"};

using Names = std::set<std::string, std::less<>>;

[[noreturn]] void refuse(const Database& database, const std::string& reason) {
  throw SystemError("open the " + database.kind(), database.place(), reason);
}

bool is_complete(const Database& database, const Names& present) {
  const auto& tables = database.dialect().tables;
  return std::all_of(tables.begin(), tables.end(),
                     [&](const TableDefinition& table) { return present.contains(table.name); });
}

/// Tells whether none of Optuna's tables is there yet.
bool is_fresh(const Database& database, const Names& present) {
  const auto& tables = database.dialect().tables;
  return std::none_of(tables.begin(), tables.end(),
                      [&](const TableDefinition& table) { return present.contains(table.name); });
}

std::string stored_revision(Database& database, const Names& present) {
  if (!present.contains("alembic_version")) return {};
  const auto rows = database.select("SELECT version_num FROM alembic_version");
  return rows->next() ? std::string(rows->text(0)) : std::string();
}

void check_revision(Database& database, const Names& present) {
  const std::string revision = stored_revision(database, present);
  const auto kind = revision.empty() ? RevisionKind::kKnown : revision_kind(revision);
  if (kind == RevisionKind::kOlder) {
    refuse(database, fmt::format("its schema {0} is older than {1}; bring it up to date with "
                                 "`optuna storage upgrade --storage {2}`",
                                 revision, kRevision31, database.optuna_url()));
  }
  if (kind == RevisionKind::kNewer) {
    refuse(database,
           fmt::format("its schema {} is not known to this lathe, which knows {} and {}; a newer lathe may read it",
                       revision, kRevision31, kNewestRevision));
  }
}

void check_schema(Database& database, const Names& present) {
  if (!present.contains("studies") || !present.contains("trials")) {
    refuse(database, "it is a database of another program (it has no tables studies and trials)");
  }
  check_revision(database, present);
  if (!present.contains("version_info")) return;
  const auto rows = database.select("SELECT schema_version, library_version FROM version_info");
  if (rows->next() && rows->text(0) != std::to_string(kSchemaVersion)) {
    refuse(database, fmt::format("its schema version is {}, written by {}; this lathe knows {}", rows->text(0),
                                 rows->text(1), kSchemaVersion));
  }
}

void lock_schema(Database& database) {
  const std::string& statement = database.dialect().lock_schema;
  if (!statement.empty()) database.select(statement)->next();
}

void create_tables(Database& database) {
  for (const std::string& type : database.dialect().types) database.run(type);
  for (const TableDefinition& table : database.dialect().tables) database.run(table.sql);
  database.run(kStudyNameIndex);
}

void stamp(Database& database, std::string_view revision) {
  if (revision == kNewestRevision) database.run(kTrialStudyIndex);
  database.run("INSERT INTO alembic_version (version_num) VALUES ($1)", {std::string(revision)});
  database.run("INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, $1, $2)",
               {std::int64_t{kSchemaVersion}, std::string("lathe " LATHE_VERSION)});
}

}  // namespace

RevisionKind revision_kind(std::string_view revision) {
  if (revision == kNewestRevision || revision == kRevision31) return RevisionKind::kKnown;
  const bool older = std::find(kOlderRevisions.begin(), kOlderRevisions.end(), revision) != kOlderRevisions.end();
  return older ? RevisionKind::kOlder : RevisionKind::kNewer;
}

std::string_view revision_for(const std::string& optuna_compat) {
  if (optuna_compat.empty()) return kNewestRevision;
  int major = 0;
  int minor = 0;
  char rest = 0;
  const bool version = std::sscanf(optuna_compat.c_str(), "%d.%d%c", &major, &minor, &rest) >= 2;
  if (!version || major < 3) {
    throw UserError("optuna_compat",
                    fmt::format("must be a version of Optuna from \"3.0\" on; got \"{}\"", optuna_compat));
  }
  return major == 3 && minor < 2 ? kRevision31 : kNewestRevision;
}

void prepare_schema(Database& database, std::string_view revision, bool create) {
  bool complete = false;
  database.transact(Database::Access::kRead, [&] {
    const Names present = existing_tables(database);
    complete = is_complete(database, present);
    if (complete) check_schema(database, present);
  });
  if (complete) return;
  database.transact(Database::Access::kWrite, [&] {
    lock_schema(database);
    const Names present = existing_tables(database);  // another process may have made them meanwhile
    const bool fresh = database.dialect().own_file ? present.empty() : is_fresh(database, present);
    if (!fresh) check_schema(database, present);
    if (fresh && !create) refuse(database, "it holds no studies yet");
    create_tables(database);
    if (fresh) stamp(database, revision);
  });
}

void make_repeats_table(Database& database) {
  lock_schema(database);
  database.run(
      "CREATE TABLE IF NOT EXISTS lathe_repeats (trial_id INTEGER NOT NULL REFERENCES trials (trial_id), "
      "repeat INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (trial_id, repeat))");
}

void make_outcomes_table(Database& database) {
  lock_schema(database);
  database.run(
      "CREATE TABLE IF NOT EXISTS lathe_outcomes (trial_id INTEGER NOT NULL REFERENCES trials (trial_id), "
      "seed INTEGER NOT NULL, outcomes TEXT NOT NULL, PRIMARY KEY (trial_id, seed))");
}

}  // namespace lathe::storage::relational
