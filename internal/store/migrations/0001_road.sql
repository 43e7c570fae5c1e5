-- +goose Up

-- Times are microseconds since 1970 in UTC, 0 for never; ids and hashes are
-- text. What an account owns carries the account's id.

CREATE TABLE meta (
	key   TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
)/*strict*/;

CREATE TABLE accounts (
	id             TEXT    NOT NULL PRIMARY KEY,
	password_epoch BIGINT  NOT NULL,
	ways_epoch     BIGINT  NOT NULL,
	two_proofs     BOOLEAN NOT NULL,
	name           TEXT    NOT NULL,
	lang           TEXT    NOT NULL,
	disabled       BIGINT  NOT NULL,
	delete_at      BIGINT  NOT NULL,
	created        BIGINT  NOT NULL
)/*strict*/;

CREATE TABLE identifiers (
	id      TEXT   NOT NULL PRIMARY KEY,
	account TEXT   NOT NULL REFERENCES accounts (id),
	kind    TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	shown   TEXT   NOT NULL,
	added   BIGINT NOT NULL,
	proved  BIGINT NOT NULL,
	dropped BIGINT NOT NULL
)/*strict*/;
CREATE UNIQUE INDEX identifiers_key ON identifiers (kind, key);
CREATE INDEX identifiers_account ON identifiers (account);

CREATE TABLE credentials (
	id        TEXT   NOT NULL PRIMARY KEY,
	account   TEXT   NOT NULL REFERENCES accounts (id),
	kind      TEXT   NOT NULL,
	data      TEXT   NOT NULL,
	added     BIGINT NOT NULL,
	changed   BIGINT NOT NULL,
	dropped   BIGINT NOT NULL,
	asleep    BIGINT NOT NULL,
	last_step BIGINT NOT NULL
)/*strict*/;
CREATE INDEX credentials_account ON credentials (account, kind);
CREATE UNIQUE INDEX credentials_password ON credentials (account) WHERE kind = 'password' AND dropped = 0;

CREATE TABLE flows (
	id             TEXT    NOT NULL PRIMARY KEY,
	purpose        TEXT    NOT NULL,
	step           TEXT    NOT NULL,
	stopped        BOOLEAN NOT NULL,
	ghost          BOOLEAN NOT NULL,
	subject        TEXT    NOT NULL,
	account        TEXT    NOT NULL,
	password_epoch BIGINT  NOT NULL,
	ways_epoch     BIGINT  NOT NULL,
	install_epoch  BIGINT  NOT NULL,
	session        TEXT    NOT NULL,
	browser        TEXT    NOT NULL,
	old_browser    TEXT    NOT NULL,
	old_until      BIGINT  NOT NULL,
	last_key       TEXT    NOT NULL,
	known_hash     TEXT    NOT NULL,
	known          BOOLEAN NOT NULL,
	typed_kind     TEXT    NOT NULL,
	typed_key      TEXT    NOT NULL,
	typed          TEXT    NOT NULL,
	pending        TEXT    NOT NULL,
	lang           TEXT    NOT NULL,
	asked_from     TEXT    NOT NULL,
	asked_on       TEXT    NOT NULL,
	return_to      TEXT    NOT NULL,
	tries          BIGINT  NOT NULL,
	sends          BIGINT  NOT NULL,
	asked_at       BIGINT  NOT NULL,
	next_send      BIGINT  NOT NULL,
	started        BIGINT  NOT NULL,
	expires        BIGINT  NOT NULL,
	closed         BIGINT  NOT NULL,
	others         BIGINT  NOT NULL,
	same           BOOLEAN NOT NULL
)/*strict*/;
CREATE INDEX flows_browser ON flows (browser);
CREATE INDEX flows_expires ON flows (expires);
CREATE INDEX flows_session ON flows (session) WHERE session <> '';

CREATE TABLE challenges (
	id          TEXT    NOT NULL PRIMARY KEY,
	flow        TEXT    NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
	way         TEXT    NOT NULL,
	identifier  TEXT    NOT NULL,
	binding     TEXT    NOT NULL,
	nonce       TEXT    NOT NULL,
	key_id      TEXT    NOT NULL,
	length      BIGINT  NOT NULL,
	is_open     BOOLEAN NOT NULL,
	started     BIGINT  NOT NULL,
	minted      BIGINT  NOT NULL,
	handed_over BIGINT  NOT NULL
)/*strict*/;
CREATE INDEX challenges_flow ON challenges (flow);
CREATE UNIQUE INDEX challenges_open ON challenges (flow) WHERE is_open;

CREATE TABLE proofs (
	challenge TEXT   NOT NULL PRIMARY KEY,
	flow      TEXT   NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
	account   TEXT   NOT NULL,
	way       TEXT   NOT NULL,
	place     TEXT   NOT NULL,
	session   TEXT   NOT NULL,
	at        BIGINT NOT NULL
)/*strict*/;
CREATE INDEX proofs_flow ON proofs (flow);
CREATE INDEX proofs_session ON proofs (session) WHERE session <> '';

-- The ledger: what the short codes of one subject have cost or may still cost.
CREATE TABLE charges (
	flow    TEXT   NOT NULL PRIMARY KEY,
	subject TEXT   NOT NULL,
	lane    TEXT   NOT NULL,
	amount  BIGINT NOT NULL,
	ended   BIGINT NOT NULL
)/*strict*/;
CREATE INDEX charges_subject ON charges (subject, lane);
CREATE INDEX charges_open ON charges (ended) WHERE ended = 0;

-- Budgets that are spent one by one: passwords, mails, notices.
CREATE TABLE spends (
	id         TEXT    NOT NULL PRIMARY KEY,
	subject    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	lane       TEXT    NOT NULL,
	counted    BOOLEAN NOT NULL,
	at         BIGINT  NOT NULL,
	until      BIGINT  NOT NULL,
	asked_from TEXT    NOT NULL,
	asked_on   TEXT    NOT NULL
)/*strict*/;
CREATE INDEX spends_subject ON spends (subject, kind, lane, at);
CREATE INDEX spends_until ON spends (until);
CREATE INDEX spends_unproved ON spends (at) WHERE lane = 'unproved';

CREATE TABLE sessions (
	id             TEXT    NOT NULL PRIMARY KEY,
	token_hash     TEXT    NOT NULL,
	account        TEXT    NOT NULL REFERENCES accounts (id),
	password_epoch BIGINT  NOT NULL,
	install_epoch  BIGINT  NOT NULL,
	how            TEXT    NOT NULL,
	created        BIGINT  NOT NULL,
	seen           BIGINT  NOT NULL,
	expires        BIGINT  NOT NULL,
	asked_from     TEXT    NOT NULL,
	asked_on       TEXT    NOT NULL,
	shared         BOOLEAN NOT NULL,
	known          TEXT    NOT NULL,
	ended          BIGINT  NOT NULL
)/*strict*/;
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_expires ON sessions (expires);

-- Known browsers, looked up from the cookie's side.
CREATE TABLE browsers (
	id             TEXT   NOT NULL PRIMARY KEY,
	hash           TEXT   NOT NULL,
	account        TEXT   NOT NULL REFERENCES accounts (id),
	password_epoch BIGINT NOT NULL,
	install_epoch  BIGINT NOT NULL,
	created        BIGINT NOT NULL,
	expires        BIGINT NOT NULL
)/*strict*/;
CREATE UNIQUE INDEX browsers_hash ON browsers (hash);
CREATE INDEX browsers_account ON browsers (account);
CREATE INDEX browsers_expires ON browsers (expires);

CREATE TABLE outbox (
	id         TEXT    NOT NULL PRIMARY KEY,
	kind       TEXT    NOT NULL,
	flow       TEXT    NOT NULL,
	challenge  TEXT    NOT NULL,
	account    TEXT    NOT NULL,
	identifier TEXT    NOT NULL,
	event      TEXT    NOT NULL,
	state      TEXT    NOT NULL,
	run_at     BIGINT  NOT NULL,
	attempt    BIGINT  NOT NULL,
	drop_after BIGINT  NOT NULL,
	merged     BOOLEAN NOT NULL,
	created    BIGINT  NOT NULL,
	ended      BIGINT  NOT NULL
)/*strict*/;
CREATE INDEX outbox_due ON outbox (run_at) WHERE state = 'waiting';
CREATE INDEX outbox_notices ON outbox (identifier, kind) WHERE identifier <> '';
CREATE INDEX outbox_ended ON outbox (ended) WHERE ended <> 0;

-- The journal: what happened, to whom, from where.
CREATE TABLE events (
	id         TEXT   NOT NULL PRIMARY KEY,
	account    TEXT   NOT NULL,
	kind       TEXT   NOT NULL,
	how        TEXT   NOT NULL,
	others     BIGINT NOT NULL,
	at         BIGINT NOT NULL,
	asked_from TEXT   NOT NULL,
	asked_on   TEXT   NOT NULL
)/*strict*/;
CREATE INDEX events_account ON events (account, at);
CREATE INDEX events_at ON events (at);
