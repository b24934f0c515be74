-- +goose Up
ALTER TABLE connections ADD COLUMN ahead_at TIMESTAMP;
ALTER TABLE connections ADD COLUMN used_at TIMESTAMP NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN state_answer TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
-- Who refreshes holds the lease, by the clock of the database: unix microseconds. The fence counts the leases.
ALTER TABLE connections ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN lease_fence INTEGER NOT NULL DEFAULT 0;
-- The provider's answer to a refresh, from when it comes until what it brings is stored.
ALTER TABLE connections ADD COLUMN sealed_reply BLOB;

-- Which of the connections that are there are used is not known: all count as used when they last changed.
UPDATE connections SET used_at = last_modified;
UPDATE connections SET ahead_at = COALESCE(refresh_at, obtained_at + 86400000000)
    WHERE refreshable AND state NOT IN ('needs_reconnect', 'disabled');

CREATE INDEX connections_ahead ON connections (ahead_at, integration) WHERE ahead_at IS NOT NULL;
CREATE INDEX connections_integration_ahead ON connections (integration, ahead_at) WHERE ahead_at IS NOT NULL;
