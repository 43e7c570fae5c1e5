-- +goose Up

-- The links that lead past spent mail caps, mailed to this address up to then,
-- are used up: a recovery was finished.
ALTER TABLE identifiers ADD COLUMN opened BIGINT NOT NULL DEFAULT 0;
