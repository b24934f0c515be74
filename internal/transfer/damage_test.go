package transfer_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

// threeLines is an export of three connections, with its header and its end as the first and the last line.
func threeLines(t *testing.T, o transfer.ExportOptions) []string {
	t.Helper()
	source := newSQLite(t)
	storetest.Create(t, source, storetest.Connection("slack", "1"), storetest.Connection("slack", "2"), storetest.Connection("slack", "3"))
	return strings.SplitAfter(strings.TrimSuffix(export(t, source, o), "\n"), "\n")
}

func TestDamagedFilesAreRefused(t *testing.T) {
	replace := func(line int, old, new string) func([]string) []string {
		return func(lines []string) []string {
			if !strings.Contains(lines[line], old) {
				t.Fatalf("%s is not in line %d: %s", old, line+1, lines[line])
			}
			lines[line] = strings.Replace(lines[line], old, new, 1)
			return lines
		}
	}
	whole := threeLines(t, transfer.ExportOptions{})
	for name, test := range map[string]struct {
		damage   func(lines []string) []string
		want     string
		imported int64
	}{
		"empty":                  {func([]string) []string { return nil }, "line 1: expected the header", 0},
		"something else":         {func([]string) []string { return []string{"PK\x03\x04"} }, "line 1: expected the header", 0},
		"no header":              {func(l []string) []string { return l[1:] }, "line 1: expected the header", 0},
		"unknown version":        {replace(0, `"version":1`, `"version":2`), "line 1: version: expected 1", 0},
		"unknown in the header":  {replace(0, `"history":false`, `"history":false,"colour":1`), "line 1: colour: expected no such member", 0},
		"cut between lines":      {func(l []string) []string { return l[:3] }, "line 4: the file ends here", 2},
		"cut in a line":          {func(l []string) []string { l[3] = l[3][:50]; return l[:4] }, "line 4: ", 2},
		"cut in the last line":   {func(l []string) []string { l[4] = l[4][:20]; return l }, "line 5: ", 3},
		"a flipped byte":         {replace(2, `"userId":"2"`, `"userId":"6"`), "line 5: sha256: ", 3},
		"a flipped quote":        {replace(2, `"userId":"2"`, `"userId":!2"`), "line 3: userId: expected valid JSON", 1},
		"a line twice":           {func(l []string) []string { return append(l[:3], l[2], l[3], l[4]) }, "line 6: sha256: ", 3},
		"a line left out":        {func(l []string) []string { return append(l[:2], l[3], l[4]) }, "line 4: sha256: ", 2},
		"lines in another order": {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, "line 5: sha256: ", 3},
		"after the end":          {func(l []string) []string { return append(l, "\n", l[1]) }, "line 6: expected nothing after the last line", 3},
		"an empty line":          {func(l []string) []string { l[1] += "\n"; return l }, "line 3: expected a JSON object", 1},
		"a huge line":            {func(l []string) []string { l[2] = strings.Repeat("x", 9<<20) + "\n"; return l }, "line 3: expected a line of at most", 1},
		"not UTF-8":              {replace(2, `"userId":"2"`, "\"userId\":\"\xff\""), "line 3: userId: expected valid JSON in UTF-8", 1},
		"NUL":                    {replace(2, `"userId":"2"`, `"userId":"a\u0000"`), "line 3: userId: ", 1},
		"a lone surrogate":       {replace(2, `"userId":"2"`, `"userId":"\ud800"`), "line 3: userId: expected valid JSON in UTF-8", 1},
		"half a surrogate pair":  {replace(2, `"additionalConfig":"{}"`, `"additionalConfig":"\udc00{}"`), "line 3: additionalConfig: ", 1},
		"no object as config":    {replace(2, `"additionalConfig":"{}"`, `"additionalConfig":"[]"`), "line 3: additionalConfig: line 1, column 1: expected '{'", 1},
		"config not as text":     {replace(2, `"additionalConfig":"{}"`, `"additionalConfig":{}`), "line 3: additionalConfig: expected a string", 1},
		"unknown member":         {replace(2, `"tags":[]`, `"tags":[],"x":1`), "line 3: x: expected no such member", 1},
		"an escape as member":    {replace(2, `"tags":[]`, `"tags":[],"\u001b]0;x":1`), `line 3: "\x1b]0;x": expected no such member`, 1},
		"an escape as count":     {replace(4, `"connection":3`, `"\u001b[2J":3`), `line 5: counts: expected kinds of records that this program knows, found "\x1b[2J"`, 3},
		"a member twice":         {replace(2, `"tags":[]`, `"tags":[],"tags":[]`), "line 3: tags: expected this member once", 1},
		"a bad tag":              {replace(2, `"tags":[]`, `"tags":["ok"," "]`), "line 3: tags[1]: ", 1},
		"a bad time":             {replace(2, `"dateCreated":"2026`, `"dateCreated":"soon 2026`), "line 3: dateCreated: expected a time such as", 1},
		"no time": {func(l []string) []string {
			l[2] = regexp.MustCompile(`"obtainedAt":"[^"]+",`).ReplaceAllString(l[2], "")
			return l
		}, "line 3: obtainedAt: expected a time", 1},
		"a bad uuid":           {replace(2, `"uuid":"`, `"uuid":"X`), "line 3: uuid: ", 1},
		"a bad integration":    {replace(2, `"integration":"slack"`, `"integration":"../slack"`), "line 3: integration: ", 1},
		"an unknown state":     {replace(2, `"state":"connected"`, `"state":"fine"`), "line 3: state: ", 1},
		"a bad version":        {replace(2, `"version":1`, `"version":0`), "line 3: version: ", 1},
		"a huge version":       {replace(2, `"version":1`, `"version":9007199254740993`), "line 3: version: expected a number between 1 and 9007199254740992", 1},
		"a huge configVersion": {replace(2, `"configVersion":1`, `"configVersion":9223372036854775807`), "line 3: configVersion: ", 1},
		"huge failures":        {replace(2, `"tags":[]`, `"tags":[],"failures":1000001`), "line 3: failures: expected a number of at most 1000000", 1},
		"huge refusals":        {replace(2, `"tags":[]`, `"tags":[],"refusals":1000001`), "line 3: failures: ", 1},
		"another kind":         {replace(2, `"kind":"connection"`, `"kind":"spell"`), "line 3: kind: ", 1},
		"secrets unannounced":  {replace(2, `"version":1`, `"version":1,"sealed":"AAAA"`), "line 3: sealed: expected nothing", 1},
	} {
		t.Run(name, func(t *testing.T) {
			target := newSQLite(t)
			file := strings.Join(test.damage(slices.Clone(whole)), "")
			report, err := importInto(t, target, file, nil)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || report.Imported["connection"] != test.imported {
				t.Errorf("imported %d, %v; want %d, %s", report.Imported["connection"], err, test.imported, test.want)
			}
			if n, _ := target.CountUpTo(t.Context(), models.ConnectionFilter{}, storetest.Now, 10); n != test.imported {
				t.Errorf("stored %d connections", n)
			}
		})
	}
}

func TestSealedValuesOpenOnlyWhereTheyWereSealed(t *testing.T) {
	whole := threeLines(t, transfer.ExportOptions{Passphrase: passphrase})
	sealed := regexp.MustCompile(`"sealed":"[^"]+"`)
	for name, test := range map[string]struct {
		change func(lines []string) []string
		want   string
	}{
		"as it is": {func(l []string) []string { return l }, ""},
		"swapped between two users": {func(l []string) []string {
			one, two := sealed.FindString(l[1]), sealed.FindString(l[2])
			l[1], l[2] = strings.Replace(l[1], one, two, 1), strings.Replace(l[2], two, one, 1)
			return l
		}, "line 2: sealed: is damaged, or was sealed for another record"},
		"under another user":        {func(l []string) []string { l[1] = strings.Replace(l[1], `"userId":"1"`, `"userId":"9"`, 1); return l }, "line 2: sealed: "},
		"under another integration": {func(l []string) []string { l[1] = strings.Replace(l[1], `"slack"`, `"evil"`, 1); return l }, "line 2: sealed: "},
		"cut":                       {func(l []string) []string { l[3] = sealed.ReplaceAllString(l[3], `"sealed":"AAAA"`); return l }, "line 4: sealed: is damaged"},
		"no base64":                 {func(l []string) []string { l[3] = sealed.ReplaceAllString(l[3], `"sealed":"?"`); return l }, "line 4: sealed: expected bytes in base64"},
		"left out":                  {func(l []string) []string { l[3] = sealed.ReplaceAllString(l[3], `"stateReason":""`); return l }, "line 4: sealed: expected the sealed secret"},
		"an expensive header": {func(l []string) []string {
			l[0] = strings.Replace(l[0], `"memoryKiB":64`, `"memoryKiB":4000000000`, 1)
			return l
		}, "line 1: secrets.memoryKiB: "},
		"another salt": {func(l []string) []string { l[0] = strings.Replace(l[0], `"salt":"`, `"salt":"AAAA`, 1); return l }, "line 1: the passphrase is not"},
	} {
		t.Run(name, func(t *testing.T) {
			err := firstFault(t, strings.Join(test.change(slices.Clone(whole)), ""))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestNothingIsImportedOfAFileWithSecretsThatWasChanged(t *testing.T) {
	source := newSQLite(t)
	fill(t, source)
	file := export(t, source, transfer.ExportOptions{Passphrase: passphrase, History: true})
	swap := func(old, new string) string {
		if !strings.Contains(file, old) {
			t.Fatalf("%s is not in the file", old)
		}
		return strings.Replace(file, old, new, 1)
	}
	changed := swap(`"role":"operator"`, `"role":"admin"`)
	lines := strings.SplitAfter(strings.TrimSuffix(changed, "\n"), "\n")
	hash := regexp.MustCompile(`"hmacSha256":"[0-9a-f]+"`)
	sum := sha256.Sum256([]byte(strings.Join(lines[:len(lines)-1], "")))
	for name, test := range map[string]struct{ file, want string }{
		"a role":                     {changed, ": hmacSha256: "},
		"an integration":             {swap(`"integrations":["slack"]`, `"integrations":[]`), ": hmacSha256: "},
		"the header":                 {swap(`"history":true`, `"history":false`), ": hmacSha256: "},
		"a role, with its SHA-256":   {hash.ReplaceAllString(changed, `"sha256":"`+hex.EncodeToString(sum[:])+`"`), ": hmacSha256: "},
		"a role, with it as its MAC": {hash.ReplaceAllString(changed, `"hmacSha256":"`+hex.EncodeToString(sum[:])+`"`), ": hmacSha256: "},
		"without the last line":      {strings.Join(strings.SplitAfter(file, "\n")[:len(lines)-1], ""), "it was cut"},
		"with a line after the last": {file + "{}\n", "expected nothing after the last line"},
	} {
		t.Run(name, func(t *testing.T) {
			target := newSQLite(t)
			report, err := importInto(t, target, test.file, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || len(report.Imported) > 0 {
				t.Errorf("%v, %v, want %s", report.Imported, err, test.want)
			}
			if diff := cmp.Diff(contentsOf(t, newSQLite(t)), contentsOf(t, target)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPasswordHashThatNobodyCouldAffordIsRefused(t *testing.T) {
	source := newSQLite(t)
	err := source.Write(t.Context(), func(tx *store.Tx) error {
		return tx.CreateAdmin(&models.Admin{Email: "ada@example.com", Role: models.RoleAdmin, DateCreated: storetest.Now, PasswordHash: strings.Replace(passwordHash, "m=64", "m=4000000", 1)})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := firstFault(t, export(t, source, transfer.ExportOptions{Passphrase: passphrase})); err == nil || !strings.HasPrefix(err.Error(), "line 2: sealed: expected a hash of argon2id") {
		t.Error(err)
	}
}

func TestAWrongPassphraseIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	target := newSQLite(t)
	file := strings.Join(threeLines(t, transfer.ExportOptions{Passphrase: passphrase}), "")
	_, err := importInto(t, target, file, func(o *transfer.ImportOptions) {
		o.Passphrase = func() (models.Secret, error) { return "another passphrase", nil }
	})
	if !errors.Is(err, transfer.ErrWrongPassphrase) {
		t.Error(err)
	}
	if n := len(contentsOf(t, target).Connections); n != 0 {
		t.Errorf("stored %d connections", n)
	}
	if _, err := transfer.Export(t.Context(), target, &strings.Builder{}, transfer.ExportOptions{Passphrase: "short", Now: storetest.Now}); err == nil {
		t.Error("a passphrase of five characters")
	}
}

// An import that was cut off continues where it stopped, with the same file.
func TestAnInterruptedImportContinues(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	fill(t, source)
	file := export(t, source, transfer.ExportOptions{History: true})
	lines := strings.SplitAfter(file, "\n")
	if _, err := importInto(t, target, strings.Join(lines[:100], ""), nil); err == nil {
		t.Fatal("a cut file was taken for a whole one")
	}
	report, err := importInto(t, target, file, nil)
	if err != nil || report.Present["connection"] != 60 || report.Present["auditEntry"]+report.Imported["auditEntry"] != 61 || report.Present["auditEntry"] == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if got, want := len(contentsOf(t, target).Audit), len(contentsOf(t, source).Audit); got != want {
		t.Errorf("%d audit entries, want %d", got, want)
	}
}
