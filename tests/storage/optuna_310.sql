-- What write_with_optuna.py of this folder wrote into SQLite with Optuna 3.1.0, as sqlite3's .dump prints it.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO studies VALUES(1,'single');
INSERT INTO studies VALUES(2,'front');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO version_info VALUES(1,12,'3.1.0');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_directions VALUES(1,'MAXIMIZE',1,0);
INSERT INTO study_directions VALUES(2,'MINIMIZE',2,0);
INSERT INTO study_directions VALUES(3,'MAXIMIZE',2,1);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_user_attributes VALUES(1,1,'dataset','{"rows": 3, "name": "\u00e9"}');
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO trials VALUES(1,0,1,'COMPLETE','2026-11-21 08:30:43.764417','2026-11-21 08:30:44.131386');
INSERT INTO trials VALUES(2,1,1,'PRUNED','2026-11-21 08:30:44.204598','2026-11-21 08:30:44.433109');
INSERT INTO trials VALUES(3,2,1,'FAIL','2026-11-21 08:30:44.473496','2026-11-21 08:30:44.716090');
INSERT INTO trials VALUES(4,3,1,'COMPLETE','2026-11-21 08:30:44.760170','2026-11-21 08:30:44.960698');
INSERT INTO trials VALUES(5,4,1,'RUNNING','2026-11-21 08:30:45.012769',NULL);
INSERT INTO trials VALUES(6,5,1,'WAITING',NULL,NULL);
INSERT INTO trials VALUES(7,0,2,'COMPLETE','2026-11-21 08:30:45.383083','2026-11-21 08:30:45.529582');
INSERT INTO trials VALUES(8,1,2,'COMPLETE','2026-11-21 08:30:45.619021','2026-11-21 08:30:45.755736');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_user_attributes VALUES(1,1,'number','0');
INSERT INTO trial_user_attributes VALUES(2,2,'number','1');
INSERT INTO trial_user_attributes VALUES(3,3,'number','2');
INSERT INTO trial_user_attributes VALUES(4,4,'number','3');
INSERT INTO trial_user_attributes VALUES(5,5,'number','4');
INSERT INTO trial_user_attributes VALUES(6,6,'memo','"queued"');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_system_attributes VALUES(1,6,'fixed_params','{"rate": 0.001, "mixed": null}');
INSERT INTO trial_system_attributes VALUES(2,7,'fixed_params','{"x": 1}');
INSERT INTO trial_system_attributes VALUES(3,7,'nsga2:generation','0');
INSERT INTO trial_system_attributes VALUES(4,7,'constraints','[-1.5, -1.0]');
INSERT INTO trial_system_attributes VALUES(5,8,'fixed_params','{"x": 4}');
INSERT INTO trial_system_attributes VALUES(6,8,'nsga2:generation','0');
INSERT INTO trial_system_attributes VALUES(7,8,'constraints','[1.5, -1.0]');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_params VALUES(1,1,'rate',0.0015676677195506068338,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(2,1,'dropout',0.4000000000000000222,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(3,1,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO trial_params VALUES(4,1,'depth',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 32}}');
INSERT INTO trial_params VALUES(5,1,'mixed',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [null, 0.5, 1, true, "both \u00e9"]}}');
INSERT INTO trial_params VALUES(6,2,'rate',0.00034179529120610088917,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(7,2,'dropout',0.4000000000000000222,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(8,2,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO trial_params VALUES(9,2,'depth',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 32}}');
INSERT INTO trial_params VALUES(10,3,'rate',0.050394895986712130719,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(11,3,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(12,3,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO trial_params VALUES(13,3,'depth',1.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 32}}');
INSERT INTO trial_params VALUES(14,3,'mixed',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [null, 0.5, 1, true, "both \u00e9"]}}');
INSERT INTO trial_params VALUES(15,4,'rate',0.00070132197799457917687,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(16,4,'dropout',0.4000000000000000222,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(17,4,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO trial_params VALUES(18,4,'depth',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 32}}');
INSERT INTO trial_params VALUES(19,5,'rate',3.7446665357415675199e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(20,5,'dropout',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(21,5,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO trial_params VALUES(22,5,'depth',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 32}}');
INSERT INTO trial_params VALUES(23,5,'mixed',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [null, 0.5, 1, true, "both \u00e9"]}}');
INSERT INTO trial_params VALUES(24,7,'x',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 5}}');
INSERT INTO trial_params VALUES(25,8,'x',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 5}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_values VALUES(1,1,0,0.5,'FINITE');
INSERT INTO trial_values VALUES(2,2,0,0.125,'FINITE');
INSERT INTO trial_values VALUES(3,4,0,NULL,'INF_POS');
INSERT INTO trial_values VALUES(4,7,0,1.0,'FINITE');
INSERT INTO trial_values VALUES(5,7,1,0.5,'FINITE');
INSERT INTO trial_values VALUES(6,8,0,4.0,'FINITE');
INSERT INTO trial_values VALUES(7,8,1,0.5,'FINITE');
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_intermediate_values VALUES(1,1,1,0.25,'FINITE');
INSERT INTO trial_intermediate_values VALUES(2,1,2,NULL,'NAN');
INSERT INTO trial_intermediate_values VALUES(3,1,3,NULL,'INF_NEG');
INSERT INTO trial_intermediate_values VALUES(4,2,1,0.125,'FINITE');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('v3.0.0.d');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
COMMIT;
