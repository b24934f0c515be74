package transfer_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

// mended is what becomes of the parts of a note that not every database can store.
func mended(all contents) contents {
	for uuid, c := range all.Connections {
		c.StateReason = strings.ToValidUTF8(strings.ReplaceAll(c.StateReason, "\x00", "\ufffd"), "\ufffd")
		all.Connections[uuid] = c
	}
	return all
}

func TestEverythingArrivesAsItLeft(t *testing.T) {
	databases := map[string]func(testing.TB) *store.Store{"SQLite": newSQLite, "PostgreSQL": newPostgres}
	for from, newSource := range databases {
		for to, newTarget := range databases {
			t.Run("from "+from+" to "+to, func(t *testing.T) {
				source, target := newSource(t), newTarget(t)
				fill(t, source)
				file := export(t, source, transfer.ExportOptions{Passphrase: passphrase, History: true})
				for _, again := range []bool{false, true} {
					report, err := importInto(t, target, file, nil)
					if err != nil {
						t.Fatal(err)
					}
					if again && len(report.Imported)+len(report.Skipped)+len(report.Replaced) > 0 {
						t.Errorf("the same file again: %+v", report)
					}
					if diff := cmp.Diff(mended(contentsOf(t, source)), contentsOf(t, target)); diff != "" {
						t.Errorf("again: %v, -source +target\n%s", again, diff)
					}
				}
				back := newSource(t)
				if _, err := importInto(t, back, export(t, target, transfer.ExportOptions{Passphrase: passphrase, History: true}), nil); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(mended(contentsOf(t, source)), contentsOf(t, back)); diff != "" {
					t.Errorf("and back: -source +target\n%s", diff)
				}
			})
		}
	}
}

func TestNoSecretLeavesInClear(t *testing.T) {
	source := newSQLite(t)
	fill(t, source)
	forbidden := []string{canary, passphrase.Reveal()}
	for _, e := range webhookEndpoints() {
		forbidden = append(forbidden, e.Secret.Reveal())
		if e.PreviousSecret != "" {
			forbidden = append(forbidden, e.PreviousSecret.Reveal())
		}
	}
	for _, text := range slices.Clone(forbidden) {
		for _, before := range []string{"", "x", "xx"} { // base64 has three forms of a text, by where in a group of three bytes it begins
			encoded := base64.StdEncoding.EncodeToString([]byte(before + text))
			forbidden = append(forbidden, encoded[4:len(encoded)-4])
		}
	}
	for _, key := range contentsOf(t, source).APIKeys {
		forbidden = append(forbidden, key.Hash, key.PreviousHash)
	}
	for name, file := range map[string]string{
		"without secrets": export(t, source, transfer.ExportOptions{History: true}),
		"with secrets":    export(t, source, transfer.ExportOptions{History: true, Passphrase: passphrase}),
	} {
		for _, text := range forbidden {
			if i := strings.Index(file, text); i >= 0 {
				t.Errorf("%s: found %q in …%.200s…", name, text, file[max(0, i-80):])
			}
		}
		if has := strings.Contains(file, `"sealed"`); has != (name == "with secrets") {
			t.Errorf("%s: sealed values: %v", name, has)
		}
	}
}

func TestWithoutSecretsConnectionsWaitForTheirUsers(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	fill(t, source)
	report, err := importInto(t, target, export(t, source, transfer.ExportOptions{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.NoSecrets || report.Left["admin"] != 1 || report.Left["apiKey"] != 1 || report.Imported["connection"] != 60 || report.Imported["integration"] != 1 || report.Imported["webhookEndpoint"] != 2 {
		t.Errorf("%+v", report)
	}
	want, got := contentsOf(t, source), contentsOf(t, target)
	for uuid, before := range want.Connections {
		c := got.Connections[uuid]
		if c.AdditionalConfig != before.AdditionalConfig || c.UserID != before.UserID || !c.DateCreated.Equal(before.DateCreated) || c.Version != before.Version {
			t.Errorf("%s is not the same", uuid)
		}
		state := c.State
		if before.State == models.StateDisabled && state == models.StateDisabled {
			state = c.StateBefore
		}
		if state != models.StateNeedsReconnect || c.Refreshable || c.RefreshAt != nil || c.Usable(storetest.Now) || !strings.Contains(c.StateReason, "imported without") {
			t.Errorf("%s, which was %s: %+v", uuid, before.State, c.Connection)
		}
	}
	if definition := got.Integrations[0].Definition.Reveal(); strings.Contains(definition, canary) || !strings.Contains(definition, `"oauth_client_id":"id"`) {
		t.Errorf("definition %s", definition)
	}
}

func TestWhatIsThereStaysUnlessItIsReplaced(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	fill(t, source)
	theirs := storetest.Connection("slack", userIDs[0])
	storetest.Create(t, target, theirs)
	file := export(t, source, transfer.ExportOptions{Passphrase: passphrase})
	report, err := importInto(t, target, file, nil)
	if err != nil || report.Imported["connection"] != 59 || report.Skipped["connection"] != 1 || len(report.Reasons) != 1 || report.Reasons[0] != "line 7: user 1 has another connection of slack already" {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, err := target.Connection(t.Context(), theirs.UUID); err != nil {
		t.Error(err)
	}
	report, err = importInto(t, target, file, func(o *transfer.ImportOptions) { o.Replace = true })
	if err != nil || report.Replaced["connection"] != 1 || report.Present["connection"] != 59 {
		t.Fatalf("%+v, %v", report, err)
	}
	if diff := cmp.Diff(mended(contentsOf(t, source)).Connections, contentsOf(t, target).Connections); diff != "" {
		t.Error(diff)
	}
	if _, err := importInto(t, target, export(t, source, transfer.ExportOptions{}), func(o *transfer.ImportOptions) { o.Replace = true }); err != transfer.ErrReplaceWithoutSecrets {
		t.Errorf("credentials would be taken away: %v", err)
	}
	// A UUID that another user's connection has is no reason to take that one away.
	moved := strings.Replace(export(t, source, transfer.ExportOptions{}), `"userId":"1"`, `"userId":"another"`, 1)
	report, _ = importInto(t, target, moved, nil)
	if !slices.ContainsFunc(report.Reasons, func(reason string) bool { return strings.HasPrefix(reason, "line 7: uuid: ") }) {
		t.Errorf("%.1000q", report.Reasons)
	}
}

func TestCheckWritesNothing(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	fill(t, source)
	file := export(t, source, transfer.ExportOptions{Passphrase: passphrase, History: true})
	check := func(o *transfer.ImportOptions) { o.Check = true }
	report, err := importInto(t, target, file, check)
	if err != nil || report.Imported["connection"] != 60 || report.Imported["admin"] != 1 || report.Imported["event"] != 60 || len(report.Faults) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if diff := cmp.Diff(contentsOf(t, newSQLite(t)), contentsOf(t, target)); diff != "" {
		t.Error(diff)
	}
	file = strings.Replace(strings.Replace(file, `"version":3,`, `"version":"3",`, 1), `"role":"operator"`, `"role":"king"`, 1)
	report, err = importInto(t, target, file, check)
	if err != nil || len(report.Faults) != 3 || !strings.HasPrefix(report.Faults[0], "line 3: role: ") || !strings.HasPrefix(report.Faults[1], "line 9: version: ") || !strings.Contains(report.Faults[2], "sha256: ") {
		t.Errorf("%q, %v", report.Faults, err)
	}
}

func TestAnExportIsOfOneMoment(t *testing.T) {
	source := newSQLite(t)
	fill(t, source)
	var file strings.Builder
	disturbing := writerFunc(func(p []byte) (int, error) {
		if file.Len() == 0 {
			storetest.Create(t, source, storetest.Connection("late", "1"))
		}
		return file.Write(p)
	})
	counts, err := transfer.Export(t.Context(), source, disturbing, transfer.ExportOptions{Now: storetest.Now})
	if err != nil || counts["connection"] != 60 || strings.Contains(file.String(), `"late"`) {
		t.Errorf("%v, %v", counts, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
