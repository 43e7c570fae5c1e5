-- +goose Up

-- That the person chose the flow's language in it: its mails have that language
-- then, whatever the account's is.
ALTER TABLE flows ADD COLUMN lang_chosen BOOLEAN NOT NULL DEFAULT FALSE;

-- That the session which the flow was begun in is one on a shared computer.
ALTER TABLE flows ADD COLUMN shared BOOLEAN NOT NULL DEFAULT FALSE;
