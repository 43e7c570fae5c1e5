-- +goose Up

-- Where a phone is told what happens to its account: sealed, as its browser gave it.
CREATE TABLE subscriptions (
	credential TEXT   NOT NULL PRIMARY KEY,
	account    TEXT   NOT NULL REFERENCES accounts (id),
	data       TEXT   NOT NULL,
	added      BIGINT NOT NULL
)/*strict*/;
CREATE INDEX subscriptions_account ON subscriptions (account);
