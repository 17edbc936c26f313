#include "lathe/storage/sqlite/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "lathe/base/error.h"

namespace lathe::storage::sqlite {
namespace {

// The texts are those that Optuna's own files hold, white space included: tools that compare schemas see no difference.
// clang-format off
constexpr std::array kTables = std::to_array<TableDefinition>({
    {"alembic_version", R"(CREATE TABLE IF NOT EXISTS alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
))"},
    {"studies", R"(CREATE TABLE IF NOT EXISTS studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
))"},
    {"study_directions", R"(CREATE TABLE IF NOT EXISTS study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"study_system_attributes", R"(CREATE TABLE IF NOT EXISTS study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"study_user_attributes", R"(CREATE TABLE IF NOT EXISTS study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"trial_heartbeats", R"(CREATE TABLE IF NOT EXISTS trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_intermediate_values", R"(CREATE TABLE IF NOT EXISTS trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_params", R"(CREATE TABLE IF NOT EXISTS trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_system_attributes", R"(CREATE TABLE IF NOT EXISTS trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_user_attributes", R"(CREATE TABLE IF NOT EXISTS trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_values", R"(CREATE TABLE IF NOT EXISTS trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trials", R"(CREATE TABLE IF NOT EXISTS trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"version_info", R"(CREATE TABLE IF NOT EXISTS version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
))"},
});
// clang-format on

constexpr std::array<std::string_view, 8> kOlderRevisions{"v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v2.4.0.a",
                                                          "v2.6.0.a", "v3.0.0.a", "v3.0.0.b", "v3.0.0.c"};

}  // namespace

const char* const kStudyNameIndex = "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name)";
const char* const kTrialStudyIndex = "CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id)";

std::span<const TableDefinition> tables() { return kTables; }

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

}  // namespace lathe::storage::sqlite
