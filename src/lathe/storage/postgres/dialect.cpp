#include "lathe/storage/postgres/dialect.h"

#include <fmt/format.h>

namespace lathe::storage::postgres {
namespace {

// The texts are those by which SQLAlchemy makes Optuna's tables.
// clang-format off
const std::vector<relational::TableDefinition> kTables{
    {"alembic_version", R"(CREATE TABLE IF NOT EXISTS alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
))"},
    {"studies", R"(CREATE TABLE IF NOT EXISTS studies (
	study_id SERIAL NOT NULL,
	study_name VARCHAR(512) NOT NULL,
	PRIMARY KEY (study_id)
))"},
    {"trials", R"(CREATE TABLE IF NOT EXISTS trials (
	trial_id SERIAL NOT NULL,
	number INTEGER,
	study_id INTEGER,
	state trialstate NOT NULL,
	datetime_start TIMESTAMP WITHOUT TIME ZONE,
	datetime_complete TIMESTAMP WITHOUT TIME ZONE,
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
    {"study_directions", R"(CREATE TABLE IF NOT EXISTS study_directions (
	study_direction_id SERIAL NOT NULL,
	direction studydirection NOT NULL,
	study_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	PRIMARY KEY (study_direction_id),
	UNIQUE (study_id, objective),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"study_system_attributes", R"(CREATE TABLE IF NOT EXISTS study_system_attributes (
	study_system_attribute_id SERIAL NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_system_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"study_user_attributes", R"(CREATE TABLE IF NOT EXISTS study_user_attributes (
	study_user_attribute_id SERIAL NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_user_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
))"},
    {"trial_heartbeats", R"(CREATE TABLE IF NOT EXISTS trial_heartbeats (
	trial_heartbeat_id SERIAL NOT NULL,
	trial_id INTEGER NOT NULL,
	heartbeat TIMESTAMP WITHOUT TIME ZONE NOT NULL,
	PRIMARY KEY (trial_heartbeat_id),
	UNIQUE (trial_id),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_intermediate_values", R"(CREATE TABLE IF NOT EXISTS trial_intermediate_values (
	trial_intermediate_value_id SERIAL NOT NULL,
	trial_id INTEGER NOT NULL,
	step INTEGER NOT NULL,
	intermediate_value DOUBLE PRECISION,
	intermediate_value_type trialintermediatevaluetype NOT NULL,
	PRIMARY KEY (trial_intermediate_value_id),
	UNIQUE (trial_id, step),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_params", R"(CREATE TABLE IF NOT EXISTS trial_params (
	param_id SERIAL NOT NULL,
	trial_id INTEGER,
	param_name VARCHAR(512),
	param_value DOUBLE PRECISION,
	distribution_json TEXT,
	PRIMARY KEY (param_id),
	UNIQUE (trial_id, param_name),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_system_attributes", R"(CREATE TABLE IF NOT EXISTS trial_system_attributes (
	trial_system_attribute_id SERIAL NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_system_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_user_attributes", R"(CREATE TABLE IF NOT EXISTS trial_user_attributes (
	trial_user_attribute_id SERIAL NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_user_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
    {"trial_values", R"(CREATE TABLE IF NOT EXISTS trial_values (
	trial_value_id SERIAL NOT NULL,
	trial_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	value DOUBLE PRECISION,
	value_type trialvaluetype NOT NULL,
	PRIMARY KEY (trial_value_id),
	UNIQUE (trial_id, objective),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
))"},
};
// clang-format on

/// PostgreSQL has no CREATE TYPE IF NOT EXISTS.
std::string make_type(const char* name, const char* labels) {
  return fmt::format("DO $do$ BEGIN CREATE TYPE {} AS ENUM ({}); EXCEPTION WHEN duplicate_object THEN NULL; END $do$",
                     name, labels);
}

relational::Dialect make_dialect() {
  return {
      .tables = kTables,
      .types = {make_type("studydirection", "'NOT_SET', 'MINIMIZE', 'MAXIMIZE'"),
                make_type("trialstate", "'RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING'"),
                make_type("trialvaluetype", "'FINITE', 'INF_POS', 'INF_NEG'"),
                make_type("trialintermediatevaluetype", "'FINITE', 'INF_POS', 'INF_NEG', 'NAN'")},
      .existing_tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
      .lock_schema = "SELECT pg_advisory_xact_lock(7810769304351438181)",  // any number that is ours
      .row_lock = " FOR UPDATE",
      // In the time zone of the session, as Optuna writes and compares it.
      .now = "(clock_timestamp() - interval '1 second')::timestamp",
      .heartbeat_age = "extract(epoch from clock_timestamp() - heartbeat::timestamptz)::float8 - 1.0",
      .in_list = " = ANY($1::integer[])",
      .own_file = false,
      .list_open = '{',
      .list_close = '}',
  };
}

}  // namespace

const relational::Dialect& dialect() {
  static const relational::Dialect kDialect = make_dialect();
  return kDialect;
}

}  // namespace lathe::storage::postgres
