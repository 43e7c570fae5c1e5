-- +goose Up

-- How far flows came and how long it took them, by the hour in which they were
-- begun: flows themselves are swept soon after their end. Nothing here leads to
-- anybody.
CREATE TABLE funnel (
	hour    BIGINT NOT NULL,
	purpose TEXT   NOT NULL,
	stage   TEXT   NOT NULL,
	bucket  BIGINT NOT NULL,
	count   BIGINT NOT NULL,
	PRIMARY KEY (hour, purpose, stage, bucket)
)/*strict*/;

-- The newest sign-ins of all accounts together, for the operator's alarm.
CREATE INDEX spends_password ON spends (at) WHERE kind = 'password';
