package transfer_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

// fillWebhooks stores webhook endpoints as they are.
func fillWebhooks(t *testing.T, s *store.Store, endpoints ...models.WebhookEndpoint) {
	t.Helper()
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		for _, e := range endpoints {
			if err := tx.CreateWebhookEndpoint(&e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A field that is added to an endpoint, and is not in the scene, could be forgotten in a file.
func TestEveryFieldOfAWebhookEndpointIsMoved(t *testing.T) {
	full := reflect.ValueOf(webhookEndpoints()[0])
	for i := range full.NumField() {
		if name := full.Type().Field(i).Name; full.Field(i).IsZero() && name != "ID" {
			t.Errorf("%s is not set in the scene", name)
		}
	}
}

func TestWithoutSecretsWebhookEndpointsArriveDisabled(t *testing.T) {
	for name, newTarget := range map[string]func(testing.TB) *store.Store{"SQLite": newSQLite, "PostgreSQL": newPostgres} {
		t.Run(name, func(t *testing.T) {
			source, target := newSQLite(t), newTarget(t)
			want := webhookEndpoints()
			fillWebhooks(t, source, want...)
			file := export(t, source, transfer.ExportOptions{})
			report, err := importInto(t, target, file, nil)
			if err != nil || report.Imported["webhookEndpoint"] != 2 {
				t.Fatalf("%+v, %v", report, err)
			}
			want[0].URL = "https://app.example.com/webhooks?[redacted]"
			for i, got := range contentsOf(t, target).Webhooks {
				if got.Enabled || !strings.Contains(got.DisabledReason, "imported without its secret") || got.FailingSince != nil || got.PreviousExpiresAt != nil {
					t.Errorf("%+v", got)
				}
				if !models.ValidWebhookSecret(got.Secret) || got.Secret == want[i].Secret || got.PreviousSecret != "" {
					t.Error("the secret is not a new one")
				}
				if got.UUID != want[i].UUID || got.URL != want[i].URL || got.Description != want[i].Description || !slices.Equal(got.Types, want[i].Types) || !slices.Equal(got.Integrations, want[i].Integrations) {
					t.Errorf("%+v", got)
				}
			}
			if report, err = importInto(t, target, file, nil); err != nil || report.Present["webhookEndpoint"] != 2 {
				t.Errorf("again: %+v, %v", report, err)
			}
		})
	}
}

func TestAWebhookEndpointThatIsThereStaysUnlessItIsReplaced(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	endpoints := webhookEndpoints()
	fillWebhooks(t, source, endpoints...)
	theirs := slices.Clone(endpoints)
	theirs[1].Enabled, theirs[1].LastModified = true, storetest.Now.Add(-1)
	fillWebhooks(t, target, theirs...)
	d, err := models.NewTestDelivery(uuid.NewString(), 2, storetest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateDelivery(d) }); err != nil {
		t.Fatal(err)
	}
	before := contentsOf(t, target)
	file := export(t, source, transfer.ExportOptions{Passphrase: passphrase})
	report, err := importInto(t, target, file, nil)
	reason := "line 3: there is another version of webhook endpoint " + endpoints[1].UUID + " already"
	if err != nil || report.Present["webhookEndpoint"] != 1 || report.Skipped["webhookEndpoint"] != 1 || !slices.Equal(report.Reasons, []string{reason}) {
		t.Fatalf("%+v, %v", report, err)
	}
	if diff := cmp.Diff(before.Webhooks, contentsOf(t, target).Webhooks); diff != "" {
		t.Error(diff)
	}
	for _, check := range []bool{true, false} {
		report, err = importInto(t, target, file, func(o *transfer.ImportOptions) { o.Replace, o.Check = true, check })
		if err != nil || report.Present["webhookEndpoint"] != 1 || report.Replaced["webhookEndpoint"] != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	if diff := cmp.Diff(contentsOf(t, source).Webhooks, contentsOf(t, target).Webhooks); diff != "" {
		t.Error(diff)
	}
	if d, err = target.Delivery(t.Context(), 2, d.UUID); err != nil || d.Status != models.DeliveryCancelled || d.NextTry != nil {
		t.Errorf("what the endpoint was to be sent: %+v, %v", d, err)
	}
}

func TestNoMoreWebhookEndpointsAreImportedThanThereCanBe(t *testing.T) {
	source, target := newSQLite(t), newSQLite(t)
	fillWebhooks(t, source, webhookEndpoints()...)
	for i := range models.MaxWebhookEndpoints - 1 {
		e := webhookEndpoints()[1]
		e.UUID = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		fillWebhooks(t, target, e)
	}
	file := export(t, source, transfer.ExportOptions{Passphrase: passphrase})
	for _, check := range []bool{true, false} {
		report, err := importInto(t, target, file, func(o *transfer.ImportOptions) { o.Check = check })
		if err != nil || report.Imported["webhookEndpoint"] != 1 || len(report.Reasons) != 1 || !strings.HasPrefix(report.Reasons[0], "line 3: there are 50 webhook endpoints already") {
			t.Errorf("check: %v, %+v, %v", check, report, err)
		}
	}
}

func TestDamagedWebhookEndpointsAreRefused(t *testing.T) {
	source := newSQLite(t)
	endpoints := webhookEndpoints()
	fillWebhooks(t, source, endpoints...)
	clear, sealed := export(t, source, transfer.ExportOptions{}), export(t, source, transfer.ExportOptions{Passphrase: passphrase})
	at := func(field string, t time.Time) string { return `,"` + field + `":"` + t.Format(time.RFC3339Nano) + `"` }
	for name, test := range map[string]struct{ file, old, new, want string }{
		"a bad uuid":              {clear, `"uuid":"6b0d`, `"uuid":"../6b0d`, "line 2: uuid: expected a UUID"},
		"an address of no scheme": {clear, `"url":"https:`, `"url":"`, "line 2: url: Enter an address such as"},
		"no address":              {clear, `"url":"http://127.0.0.1:8080",`, ``, "line 3: url: Enter an address such as"},
		"an unknown type":         {clear, `"types":["connection.deleted"`, `"types":["connection.eaten"`, "line 2: types: There is no event type"},
		"types that are no list":  {clear, `"types":[]`, `"types":""`, "line 3: types: expected a list"},
		"a bad integration":       {clear, `"integrations":["slack"]`, `"integrations":["../slack"]`, "line 2: integrations: "},
		"a description of lines":  {clear, `"description":""`, `"description":"\n"`, "line 3: description: "},
		"enabled like a word":     {clear, `"enabled":true`, `"enabled":"yes"`, "line 2: enabled: expected true or false"},
		"no time":                 {clear, at("dateCreated", storetest.Now), ``, "line 2: dateCreated: expected a time, found none"},
		"a bad time":              {clear, `"lastModified":"2026`, `"lastModified":"2026-`, "line 2: lastModified: expected a time such as"},
		"NUL":                     {clear, `"createdBy":"apikey`, `"createdBy":"\u0000`, "line 3: createdBy: expected no NUL"},
		"an unknown member":       {clear, `"enabled":true`, `"enabled":true,"secret":"x"`, "line 2: secret: expected no such member"},
		"secrets unannounced":     {clear, `"enabled":true`, `"enabled":true,"sealed":"AAAA"`, "line 2: sealed: expected nothing"},
		"another one's secrets":   {sealed, endpoints[0].UUID, endpoints[1].UUID, "line 2: sealed: is damaged, or was sealed for another record"},
		"no seal":                 {sealed, `"sealed":"`, `"sealed":"AAAA`, "line 2: sealed: is damaged"},
		"another address":         {sealed, `"description":""`, `"url":"https://evil.example","description":""`, "line 3: url: expected nothing"},
		"a secret of no time":     {sealed, at("previousExpiresAt", *endpoints[0].PreviousExpiresAt), ``, "line 2: previousExpiresAt: expected a time where"},
		"a time of no secret":     {sealed, `"description":""`, `"description":"","previousExpiresAt":"2026-03-01T12:00:00Z"`, "line 3: previousExpiresAt: expected a time where"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(test.file, test.old) {
				t.Fatalf("%s is not in the file", test.old)
			}
			err := firstFault(t, strings.Replace(test.file, test.old, test.new, 1))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
