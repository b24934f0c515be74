-- Times are unix microseconds (see the driver's settings in sqlite.go). The AUTOINCREMENT keys are never used twice,
-- so that a keyset cursor and an audit entry keep their meaning.

-- +goose Up
CREATE TABLE connections (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid               TEXT      NOT NULL UNIQUE,
    integration        TEXT      NOT NULL,
    user_id            TEXT      NOT NULL,
    date_created       TIMESTAMP NOT NULL,
    last_modified      TIMESTAMP NOT NULL,
    auth_mode          TEXT      NOT NULL,
    sealed_credentials BLOB      NOT NULL,
    expires_at         TIMESTAMP,
    refreshable        BOOLEAN   NOT NULL,
    state              TEXT      NOT NULL,
    state_reason       TEXT      NOT NULL,
    additional_config  TEXT      NOT NULL,
    config_version     INTEGER   NOT NULL,
    version            INTEGER   NOT NULL
);
CREATE UNIQUE INDEX connections_pair ON connections (integration, user_id);
CREATE INDEX connections_integration ON connections (integration, id);
CREATE INDEX connections_user ON connections (user_id, id);
CREATE INDEX connections_modified ON connections (last_modified, id);
CREATE INDEX connections_integration_modified ON connections (integration, last_modified, id);
CREATE INDEX connections_state ON connections (state, id);
CREATE INDEX connections_integration_state ON connections (integration, state);
-- Connections that end by themselves are few.
CREATE INDEX connections_ending ON connections (state, expires_at, integration, id) WHERE NOT refreshable;

CREATE TABLE connect_sessions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash   TEXT      NOT NULL UNIQUE,
    integration  TEXT      NOT NULL,
    user_id      TEXT      NOT NULL,
    user_label   TEXT      NOT NULL,
    return_url   TEXT      NOT NULL,
    popup        BOOLEAN   NOT NULL,
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
    status             TEXT      NOT NULL,
    error_type         TEXT      NOT NULL,
    error_message      TEXT      NOT NULL,
    connection_uuid    TEXT      NOT NULL,
    date_created       TIMESTAMP NOT NULL,
    last_moved         TIMESTAMP NOT NULL,
    expires_at         TIMESTAMP NOT NULL
);
CREATE INDEX attempts_session ON attempts (connect_session_id, id);

CREATE TABLE admins (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    email         TEXT      NOT NULL UNIQUE,
    password_hash TEXT      NOT NULL,
    role          TEXT      NOT NULL,
    date_created  TIMESTAMP NOT NULL
);

CREATE TABLE sessions (
    token_hash TEXT      PRIMARY KEY,
    data       BLOB      NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE audit_entries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    time            TIMESTAMP NOT NULL,
    actor           TEXT      NOT NULL,
    action          TEXT      NOT NULL,
    integration     TEXT      NOT NULL,
    user_id         TEXT      NOT NULL,
    connection_uuid TEXT      NOT NULL,
    version         INTEGER   NOT NULL,
    ip              TEXT      NOT NULL,
    request_id      TEXT      NOT NULL,
    before          TEXT      NOT NULL,
    after           TEXT      NOT NULL
);
CREATE INDEX audit_entries_connection ON audit_entries (connection_uuid, id);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
