-- +goose Up
-- How many tries are left of what is limited for all processes together. The key is a hash; full_at, in unix microseconds, is when
-- all tries will be there again.
CREATE TABLE rate_limits (
    key     TEXT PRIMARY KEY,
    full_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX rate_limits_full ON rate_limits (full_at);

-- What an endpoint has not been sent yet, which is given up when it is disabled.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id) WHERE status = 'pending';
