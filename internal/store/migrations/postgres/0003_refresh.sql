-- +goose Up
ALTER TABLE connections
    ADD COLUMN ahead_at     TIMESTAMPTZ,
    ADD COLUMN used_at      TIMESTAMPTZ NOT NULL DEFAULT 'epoch',
    ADD COLUMN state_answer TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN failures     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN refusals     BIGINT NOT NULL DEFAULT 0,
    -- Who refreshes holds the lease, by the clock of the database: unix microseconds. The fence counts the leases.
    ADD COLUMN lease_until  BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN lease_fence  BIGINT NOT NULL DEFAULT 0,
    -- The provider's answer to a refresh, from when it comes until what it brings is stored.
    ADD COLUMN sealed_reply BYTEA;

-- Which of the connections that are there are used is not known: all count as used when they last changed.
UPDATE connections SET used_at = last_modified;
UPDATE connections SET ahead_at = COALESCE(refresh_at, obtained_at + INTERVAL '1 day')
    WHERE refreshable AND state NOT IN ('needs_reconnect', 'disabled');

CREATE INDEX connections_ahead ON connections (ahead_at, integration) WHERE ahead_at IS NOT NULL;
CREATE INDEX connections_integration_ahead ON connections (integration, ahead_at) WHERE ahead_at IS NOT NULL;
