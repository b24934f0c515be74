package transfer

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/store"
)

var csvHeader = []string{
	"uuid", "integration", "user_id", "state", "state_reason", "auth_mode", "date_created", "last_modified",
	"expires_at", "refreshable", "tags", "additional_config", "version",
}

// ExportCSV writes all connections without their secrets, for spreadsheets. It cannot be imported.
func ExportCSV(ctx context.Context, db *store.Store, w io.Writer, now time.Time) (Counts, error) {
	if err := recordExport(ctx, db, now, "as CSV, without secrets"); err != nil {
		return nil, err
	}
	buffered := bufio.NewWriterSize(w, 256<<10)
	out := csv.NewWriter(buffered)
	if err := out.Write(csvHeader); err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	counts := Counts{}
	err := db.Snapshot(ctx, func(v *store.Snapshot) error {
		return v.EachConnection(ctx, false, func(c *store.MovedConnection) error {
			counts[kindConnection]++
			expires := ""
			if c.ExpiresAt != nil {
				expires = c.ExpiresAt.UTC().Format(time.RFC3339)
			}
			cells := []string{
				c.UUID, c.Integration, c.UserID, string(c.State), c.StateReason, string(c.AuthMode), c.DateCreated.UTC().Format(time.RFC3339),
				c.LastModified.UTC().Format(time.RFC3339), expires, strconv.FormatBool(c.Refreshable), strings.Join(c.Tags, ","),
				string(c.AdditionalConfig), strconv.FormatInt(c.Version, 10),
			}
			for i, cell := range cells {
				cells[i] = plainCell(cell)
			}
			return out.Write(cells)
		})
	})
	if err != nil {
		return nil, err
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	return counts, nil
}

// plainCell keeps spreadsheets from taking a user's text for a formula: they do when it begins with one of these, also in the wide
// forms of East Asian scripts, and after space.
func plainCell(text string) string {
	start := strings.TrimLeft(text, " \u00a0\u3000")
	if start != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(start[:min(len(start), 4)])[0]) {
		return "'" + text
	}
	return text
}
