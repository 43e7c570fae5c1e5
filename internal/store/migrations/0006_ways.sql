-- +goose Up

-- How a credential is found by what is presented: the keyed hash of a saved
-- code, the hash of a passkey's id. Empty where it is found by its account.
ALTER TABLE credentials ADD COLUMN lookup TEXT NOT NULL DEFAULT '';
-- As its owner calls it.
ALTER TABLE credentials ADD COLUMN name TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX credentials_lookup ON credentials (lookup) WHERE lookup <> '';
-- An account has one saved code and one authenticator app at most.
CREATE UNIQUE INDEX credentials_saved ON credentials (account) WHERE kind = 'saved' AND dropped = 0;
CREATE UNIQUE INDEX credentials_totp ON credentials (account) WHERE kind = 'totp' AND dropped = 0;

ALTER TABLE identifiers ADD COLUMN asleep BIGINT NOT NULL DEFAULT 0;
CREATE INDEX identifiers_dropped ON identifiers (dropped) WHERE dropped > 0;
CREATE INDEX credentials_dropped ON credentials (dropped) WHERE dropped > 0;

-- What a flow about a setting is about, an account's own ways where the browser
-- is known to it, and a saved code that was made in it, sealed.
ALTER TABLE flows ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE flows ADD COLUMN own TEXT NOT NULL DEFAULT '';
ALTER TABLE flows ADD COLUMN fresh TEXT NOT NULL DEFAULT '';

-- What an event is about, where its kind does not say it all.
ALTER TABLE events ADD COLUMN about TEXT NOT NULL DEFAULT '';

-- When an operator's word that the account shall ask for one proof only takes
-- effect; 0 if there is none.
ALTER TABLE accounts ADD COLUMN drop_second BIGINT NOT NULL DEFAULT 0;
CREATE INDEX accounts_drop_second ON accounts (drop_second) WHERE drop_second > 0;
