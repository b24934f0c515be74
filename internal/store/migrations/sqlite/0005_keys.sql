-- +goose Up
-- The keys that values are or were sealed under. Exactly one is not replaced: it seals.
CREATE TABLE encryption_keys (
    id          TEXT PRIMARY KEY,
    first_used  TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    emptied_at  TIMESTAMP
) WITHOUT ROWID;
CREATE UNIQUE INDEX encryption_keys_sealing ON encryption_keys ((replaced_at IS NULL)) WHERE replaced_at IS NULL;

CREATE TABLE replicas (
    id        TEXT PRIMARY KEY,
    host      TEXT      NOT NULL,
    version   TEXT      NOT NULL,
    started   TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL,
    keys      TEXT      NOT NULL,
    sealing   TEXT      NOT NULL
) WITHOUT ROWID;

-- How far each sealed column is sealed under the newest key.
CREATE TABLE resealings (
    place       TEXT PRIMARY KEY,
    key_id      TEXT      NOT NULL,
    position    TEXT      NOT NULL,
    total       INTEGER   NOT NULL,
    resealed    INTEGER   NOT NULL,
    began_at    TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
) WITHOUT ROWID;

CREATE TABLE damaged_values (
    place    TEXT      NOT NULL,
    "row"    TEXT      NOT NULL,
    key_id   TEXT      NOT NULL,
    reason   TEXT      NOT NULL,
    found_at TIMESTAMP NOT NULL,
    PRIMARY KEY (place, "row")
) WITHOUT ROWID;
