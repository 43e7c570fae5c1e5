-- +goose Up

-- Accounts about which something changed that the answer to "who is signed in"
-- depends on, by the database's own clock. Nodes keep such answers in memory and
-- look here whether they still hold; a minute later the row is of no more use.
CREATE TABLE changes (
	at      BIGINT NOT NULL,
	account TEXT   NOT NULL,
	PRIMARY KEY (at, account)
)/*strict*/;
