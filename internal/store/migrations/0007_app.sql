-- +goose Up

-- What paired apps were shown, and what came of it. A row is an app's, until the
-- screen that shows the code writes itself into it.
CREATE TABLE approvals (
	id         TEXT   NOT NULL PRIMARY KEY,
	seen       TEXT   NOT NULL,
	credential TEXT   NOT NULL,
	account    TEXT   NOT NULL REFERENCES accounts (id),
	state      TEXT   NOT NULL,
	scanned    BIGINT NOT NULL,
	scan_from  TEXT   NOT NULL,
	expires    BIGINT NOT NULL,
	browser    TEXT   NOT NULL,
	flow       TEXT   NOT NULL,
	challenge  TEXT   NOT NULL,
	purpose    TEXT   NOT NULL,
	asked_from TEXT   NOT NULL,
	asked_on   TEXT   NOT NULL,
	asked      BIGINT NOT NULL,
	install_epoch BIGINT NOT NULL
)/*strict*/;
CREATE UNIQUE INDEX approvals_seen ON approvals (seen);
CREATE INDEX approvals_account ON approvals (account);
CREATE INDEX approvals_expires ON approvals (expires);
