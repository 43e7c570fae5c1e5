-- +goose Up

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
