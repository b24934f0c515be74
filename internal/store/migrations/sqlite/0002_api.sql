-- +goose Up
ALTER TABLE connections ADD COLUMN obtained_at TIMESTAMP NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refresh_at TIMESTAMP;
ALTER TABLE connections ADD COLUMN state_before TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

-- When the tokens that are there were obtained is not known, but it was not after the last change. They are refreshed a
-- quarter of an hour before their end.
UPDATE connections SET obtained_at = last_modified;
UPDATE connections SET refresh_at = expires_at - 900000000 WHERE refreshable AND expires_at IS NOT NULL;

-- What connections.tags holds, to find connections by.
CREATE TABLE connection_tags (
    tag           TEXT    NOT NULL,
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, connection_id)
) WITHOUT ROWID;
CREATE INDEX connection_tags_connection ON connection_tags (connection_id);

-- Connect sessions and attempts live for minutes; those under way at this moment have to be made again.
DROP TABLE attempts;
DROP TABLE connect_sessions;

CREATE TABLE connect_sessions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT      NOT NULL UNIQUE,
    token_hash   TEXT      NOT NULL UNIQUE,
    integrations TEXT      NOT NULL,
    user_id      TEXT      NOT NULL,
    user_label   TEXT      NOT NULL,
    return_url   TEXT      NOT NULL,
    confirm      BOOLEAN   NOT NULL,
    created_by   TEXT      NOT NULL,
    date_created TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP NOT NULL
);
CREATE INDEX connect_sessions_expiry ON connect_sessions (expires_at);

CREATE TABLE attempts (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid               TEXT      NOT NULL UNIQUE,
    connect_session_id INTEGER   NOT NULL REFERENCES connect_sessions (id) ON DELETE CASCADE,
    integration        TEXT      NOT NULL,
    user_id            TEXT      NOT NULL,
    state_hash         TEXT      NOT NULL UNIQUE,
    browser_hash       TEXT      NOT NULL,
    sealed_secrets     BLOB      NOT NULL,
    redirect_uri       TEXT      NOT NULL,
    popup              BOOLEAN   NOT NULL,
    origin             TEXT      NOT NULL,
    ref                TEXT      NOT NULL,
    return_url         TEXT      NOT NULL,
    status             TEXT      NOT NULL,
    error_type         TEXT      NOT NULL,
    error_message      TEXT      NOT NULL,
    connection_uuid    TEXT      NOT NULL,
    claim_hash         TEXT      NOT NULL,
    date_created       TIMESTAMP NOT NULL,
    last_moved         TIMESTAMP NOT NULL,
    expires_at         TIMESTAMP NOT NULL
);
CREATE INDEX attempts_session ON attempts (connect_session_id, integration, id);
CREATE UNIQUE INDEX attempts_claim ON attempts (claim_hash) WHERE claim_hash <> '';
CREATE INDEX attempts_pending ON attempts (last_moved) WHERE status = 'pending';

CREATE TABLE integrations (
    name              TEXT PRIMARY KEY,
    sealed_definition BLOB      NOT NULL,
    date_created      TIMESTAMP NOT NULL,
    last_modified     TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_keys (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    name                TEXT      NOT NULL UNIQUE,
    prefix              TEXT      NOT NULL,
    last                TEXT      NOT NULL,
    scopes              TEXT      NOT NULL,
    integrations        TEXT      NOT NULL,
    created_by          TEXT      NOT NULL,
    date_created        TIMESTAMP NOT NULL,
    last_used           TIMESTAMP,
    expires_at          TIMESTAMP,
    hash                TEXT      NOT NULL UNIQUE,
    previous_hash       TEXT      NOT NULL,
    previous_expires_at TIMESTAMP
);
CREATE UNIQUE INDEX api_keys_previous ON api_keys (previous_hash) WHERE previous_hash <> '';

CREATE TABLE api_calls (
    "window"        TIMESTAMP NOT NULL,
    api_key         TEXT      NOT NULL,
    operation       TEXT      NOT NULL,
    connection_uuid TEXT      NOT NULL,
    calls           INTEGER   NOT NULL,
    PRIMARY KEY (connection_uuid, "window", api_key, operation)
) WITHOUT ROWID;
CREATE INDEX api_calls_window ON api_calls ("window");

CREATE TABLE idempotency_keys (
    api_key       TEXT      NOT NULL,
    key           TEXT      NOT NULL,
    request_hash  TEXT      NOT NULL,
    status        INTEGER   NOT NULL,
    sealed_answer BLOB      NOT NULL,
    expires_at    TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    time            TIMESTAMP NOT NULL,
    type            TEXT      NOT NULL,
    connection_uuid TEXT      NOT NULL,
    integration     TEXT      NOT NULL,
    user_id         TEXT      NOT NULL,
    detail          TEXT      NOT NULL
);
CREATE INDEX events_type ON events (type, id);
CREATE INDEX events_integration ON events (integration, id);
CREATE INDEX events_time ON events (time);

CREATE INDEX audit_entries_integration ON audit_entries (integration, id);
