-- +goose Up
-- The keys that values are or were sealed under. Exactly one is not replaced: it seals.
CREATE TABLE encryption_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    first_used  TIMESTAMPTZ NOT NULL,
    replaced_at TIMESTAMPTZ,
    emptied_at  TIMESTAMPTZ
);
CREATE UNIQUE INDEX encryption_keys_sealing ON encryption_keys ((replaced_at IS NULL)) WHERE replaced_at IS NULL;

CREATE TABLE replicas (
    id        TEXT COLLATE "C" PRIMARY KEY,
    host      TEXT        NOT NULL,
    version   TEXT        NOT NULL,
    started   TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    keys      TEXT        NOT NULL,
    sealing   TEXT        NOT NULL
);

-- How far each sealed column is sealed under the newest key.
CREATE TABLE resealings (
    place       TEXT COLLATE "C" PRIMARY KEY,
    key_id      TEXT        NOT NULL,
    position    TEXT        NOT NULL,
    total       BIGINT      NOT NULL,
    resealed    BIGINT      NOT NULL,
    began_at    TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);

CREATE TABLE damaged_values (
    place    TEXT COLLATE "C" NOT NULL,
    "row"    TEXT COLLATE "C" NOT NULL,
    key_id   TEXT        NOT NULL,
    reason   TEXT        NOT NULL,
    found_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (place, "row")
);
