package store_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"
)

// The plan of a hot query must come from an index on a table of some size: a sort or a scan of it would grow with the table.
func TestPostgreSQLPagesComeFromIndexes(t *testing.T) {
	address, db := newPostgres(t)
	open(t, address, newRing(t))
	for _, statement := range []string{
		`INSERT INTO connections (uuid, integration, user_id, date_created, last_modified, auth_mode, sealed_credentials, obtained_at, expires_at, refreshable, state, state_reason, state_before, tags, additional_config, config_version, version)
			SELECT i, 'i' || i % 20, 'u' || i / 2, now(), now() - i * interval '1 second', 'OAUTH2', '', now(), now() + i * interval '1 hour', i % 50 <> 0, CASE WHEN i % 100 = 1 THEN 'error' ELSE 'connected' END, '', '', '[]', '{}', 1, 1 FROM generate_series(1, 20000) AS i`,
		`INSERT INTO connection_tags SELECT 't' || id % 100, id FROM connections`,
		`INSERT INTO audit_entries (time, actor, action, integration, user_id, connection_uuid, version, ip, request_id, before, after) SELECT now(), '', '', integration, user_id, uuid, 1, '', '', '', '' FROM connections`,
		`INSERT INTO events (time, type, connection_uuid, integration, user_id, detail) SELECT now(), 't' || id % 10, uuid, integration, user_id, '' FROM connections`,
		`ANALYZE`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	bad := regexp.MustCompile(`Seq Scan|Sort`)
	for _, query := range []string{
		"SELECT * FROM connections WHERE id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE (last_modified, id) < (now(), 9000) ORDER BY last_modified DESC, id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration = 'i7' AND id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration = 'i7' AND (last_modified, id) < (now(), 9000) ORDER BY last_modified DESC, id DESC LIMIT 51",
		"SELECT * FROM connections WHERE state = 'error' AND id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration = 'i7' AND user_id = 'u7'",
		"SELECT * FROM connections WHERE uuid = '7' FOR UPDATE",
		"SELECT user_id, COUNT(*), MAX(last_modified) FROM connections WHERE user_id > 'u7' GROUP BY user_id ORDER BY user_id LIMIT 51",
		"SELECT COUNT(*) FROM connections WHERE state = 'connected' AND NOT refreshable AND expires_at > now() AND expires_at <= now() + interval '1 day'",
		"SELECT * FROM audit_entries WHERE id < 9000 ORDER BY id DESC LIMIT 21",
		"SELECT * FROM audit_entries WHERE integration = 'i7' AND id < 9000 ORDER BY id DESC LIMIT 21",
		"SELECT * FROM events WHERE id > 9 AND id <= 19000 ORDER BY id LIMIT 51",
		"SELECT * FROM events WHERE type = 't7' AND id > 9 AND id <= 19000 ORDER BY id LIMIT 51",
	} {
		if plan := explain(t, db, query); bad.MatchString(plan) {
			t.Errorf("%s\n%s", query, plan)
		}
	}
	// Few rows are sorted where an index gives no more than those.
	few := regexp.MustCompile(`Seq Scan`)
	for _, query := range []string{
		"SELECT * FROM connections WHERE user_id = 'u7' AND id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE id IN (SELECT id FROM connections WHERE state = 'connected' AND NOT refreshable AND expires_at <= now() UNION ALL SELECT id FROM connections WHERE state = 'needs_reconnect') AND id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE id IN (SELECT connection_id FROM connection_tags WHERE tag = 't7') AND id < 9000 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM audit_entries WHERE connection_uuid = '7' AND id < 9000 ORDER BY id DESC LIMIT 21",
	} {
		if plan := explain(t, db, query); few.MatchString(plan) {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

func explain(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.Query("EXPLAIN " + query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	return plan.String()
}
