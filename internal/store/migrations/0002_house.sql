-- +goose Up

-- What the ledger is charged for is a flow's own, and not its id: the same form
-- sent again once the flow is gone makes a flow of the same id.
ALTER TABLE flows ADD COLUMN charge TEXT NOT NULL DEFAULT '';
UPDATE flows SET charge = id;
CREATE INDEX flows_charge ON flows (charge);
ALTER TABLE charges RENAME COLUMN flow TO id;

-- What costs nothing is in no index that a budget is added up by: a flood of it
-- must not slow what is done for the account it was about.
DROP INDEX charges_subject;
CREATE INDEX charges_subject ON charges (subject, lane) WHERE amount > 0;
CREATE INDEX charges_ended ON charges (ended) WHERE ended > 0;
DROP INDEX spends_subject;
CREATE INDEX spends_subject ON spends (subject, kind, lane, at) WHERE counted;
CREATE INDEX spends_tries ON spends (subject, at) WHERE kind = 'password';

DROP INDEX sessions_expires;
CREATE INDEX sessions_created ON sessions (created);

-- What a recovery that was begun from a notice takes back.
ALTER TABLE flows ADD COLUMN event TEXT NOT NULL DEFAULT '';
-- When a recovery that was begun from the notice of this event was finished.
ALTER TABLE events ADD COLUMN secured BIGINT NOT NULL DEFAULT 0;
-- Whether what was tried let somebody in.
ALTER TABLE spends ADD COLUMN good BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX accounts_delete_at ON accounts (delete_at) WHERE delete_at > 0;

-- Login names that were given up, as hashes, and for whom they are kept.
CREATE TABLE names (
	hash    TEXT   NOT NULL PRIMARY KEY,
	account TEXT   NOT NULL,
	until   BIGINT NOT NULL
)/*strict*/;
CREATE INDEX names_until ON names (until);
