package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

func TestUserIDsAreShownAsGiven(t *testing.T) {
	pages := map[string]templ.Component{"connections": Connections(connectionsPage()), "users": Users(usersPage()), "audit": Audit(auditPage())}
	for _, id := range hostile {
		pages["connection"], pages["user"] = Connection(connectionPage(id)), User(userPage(id, nil))
		pages["start"], pages["choose"] = ConnectStart(startPage("app", id)), ConnectChoose(ConnectChoosePage{UserLabel: id})
		pages["me"], pages["delete"] = Me(MePage{UserLabel: id}), ConnectionDelete(ConnectionDeletePage{UserID: id})
		for name, component := range pages {
			shown := slices.ContainsFunc(parse(t, component).all("bdi"), func(e node) bool { return strings.Contains(e.text(), id) })
			if !shown && (name != "audit" || id == hostile[0]) {
				t.Errorf("%s: %q is not shown, isolated from the text around it", name, id)
			}
		}
	}
}

func TestForms(t *testing.T) {
	for _, test := range []struct {
		page                   templ.Component
		action, method, fields string
	}{
		{Setup(SetupPage{}), "/setup", "post", "token email password"},
		{Login(LoginPage{}), "/login", "post", "next email password"},
		{Overview(OverviewPage{}), "/logout", "post", ""},
		{Overview(OverviewPage{}), "/theme", "post", "next theme theme theme"},
		{Connections(connectionsPage()), "/connections", "get", "q integration status sort"},
		{Connections(filteredPage()), "/connections", "get", "q integration status user sort limit"},
		{Connection(connectionPage("42")), "/connections/5b0e/config", "post", "version config"},
		{Connection(connectionPage("42")), "/connect", "post", "returnTo display userId integration"},
		{User(userPage("42", nil)), "/connect", "post", "returnTo display userId integration"},
		{Integration(integrationPage()), "/connect", "post", "returnTo display userId integration"},
		{Users(usersPage()), "/users", "get", "user"},
		{ConfigConflict(conflictPage()), "/connections/5b0e/config", "post", "version config"},
		{ConnectStart(startPage("app", "42")), "/connect/token/start", "post", ""},
		{Connection(connectionPage("42")), "/connections/" + sampleUUID + "/refresh", "post", ""},
		{Connection(connectionPage("42")), "/connections/" + sampleUUID + "/disable", "post", ""},
		{Connection(disabledPage()), "/connections/" + sampleUUID + "/enable", "post", ""},
		{Connection(connectionPage("42")), "/connections/" + sampleUUID + "/tags", "post", "tags"},
		{ConnectionDelete(deletePage()), "/connections/5b0e/delete", "post", ""},
		{KeyForm(keyFormPage()), "/keys", "post", "name" + strings.Repeat(" scopes", 9) + strings.Repeat(" integrations", 3) + strings.Repeat(" expires", 4) + " expiresAt"},
		{KeyRoll(KeyRollPage{Key: keyRows()[0], Overlaps: overlaps()}), "/keys/1/roll", "post", "hint overlap overlap overlap overlap"},
		{KeyRevoke(KeyRevokePage{Key: keyRows()[0]}), "/keys/1/revoke", "post", ""},
		{Sandbox(sandboxPage()), "/sandbox", "post", "behave"},
		{Sandbox(SandboxPage{Groups: sandboxPage().Groups}), "/sandbox", "post", "vice vice vice at often seconds beside"},
		{WebhookForm(webhookFormPage()), "/webhooks", "post", "url description" + strings.Repeat(" types", 6) + " integrations integrations uuid"},
		{WebhookForm(refusedWebhookPage()), "/webhooks/1/edit", "post", "url description" + strings.Repeat(" types", 6) + " integrations integrations"},
		{WebhookRoll(WebhookAskPage{Endpoint: webhookRows()[0]}), "/webhooks/1/roll", "post", "hint"},
		{WebhookDelete(WebhookAskPage{Endpoint: webhookRows()[0]}), "/webhooks/1/delete", "post", ""},
		{Webhook(webhookPage(0)), "/webhooks/1/test", "post", ""},
		{Webhook(webhookPage(0)), "/webhooks/1/disable", "post", ""},
		{Webhook(webhookPage(2)), "/webhooks/3/enable", "post", ""},
		{Webhook(webhookPage(0)), "/webhooks/1/deliveries/3/redeliver", "post", ""},
		{Me(mePage()), "/me/token/disconnect", "post", ""},
	} {
		form := parse(t, test.page).with(t, "action", test.action)
		var names []string
		for _, e := range form.all("input", "select", "textarea", "button") {
			if name := e.get("name"); name != "" {
				names = append(names, name)
			}
		}
		if got := strings.Join(names, " "); got != test.fields || form.get("method") != test.method {
			t.Errorf("%s: got %s with %q, want %s with %q", test.action, form.get("method"), got, test.method, test.fields)
		}
	}
}

func TestPasswordManagersKnowTheFields(t *testing.T) {
	for want, component := range map[string]templ.Component{"new-password": Setup(SetupPage{}), "current-password": Login(LoginPage{})} {
		page := parse(t, component)
		if got := page.with(t, "name", "email").get("autocomplete"); got != "username" {
			t.Errorf("email: got autocomplete %q, want username", got)
		}
		if got := page.with(t, "name", "password").get("autocomplete"); got != want {
			t.Errorf("password: got autocomplete %q, want %q", got, want)
		}
	}
}

func TestEditorKeepsTextAsTyped(t *testing.T) {
	for _, text := range []string{"", "{}", "\n\n{\n}\n", "\t{ \"a\": \"</textarea>&amp;\" }"} {
		p := connectionPage("42")
		p.Editor.Text = text
		if got := parse(t, Connection(p)).with(t, "id", "config").text(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestRefusedConfigurationLeadsToItsFault(t *testing.T) {
	page := parse(t, Connection(refusedPage()))
	if title := page.all("title")[0].text(); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q does not begin with Error:", title)
	}
	summary := page.with(t, "role", "alert")
	if _, ok := summary.attr("data-focus"); !ok || summary.all("a")[0].get("href") != "#config" {
		t.Error("the summary does not take the focus or does not lead to the editor")
	}
	editor := page.with(t, "id", "config")
	if editor.get("aria-invalid") != "true" || !strings.Contains(editor.get("aria-describedby"), "config-error") {
		t.Error("the editor is not marked as at fault")
	}
	if editor.get("data-fault-line") != "4" || editor.get("data-fault-column") != "30" {
		t.Error("the editor does not know line and column of the fault")
	}
	if got := page.with(t, "class", "fault").all("mark")[0].text(); got != `"` {
		t.Errorf("got %q marked, want the quote at column 30", got)
	}
}

func TestControlsWithoutRightSayWhy(t *testing.T) {
	page := parse(t, Connection(viewerPage()))
	for id, name := range map[string]string{
		"config-readonly": "Save configuration", "connect-disabled": "Reconnect", "refresh-disabled": "Refresh now",
		"tags-save-disabled": "Save tags", "disable-disabled": "Disable", "delete-disabled": "Delete connection",
	} {
		button := page.with(t, "aria-describedby", id)
		if _, disabled := button.attr("disabled"); !disabled || strings.TrimSpace(button.text()) != name {
			t.Errorf("%s is not disabled", name)
		}
		if page.with(t, "id", id).text() == "" {
			t.Errorf("%s does not say why", name)
		}
	}
}

func TestFlashRoles(t *testing.T) {
	for ok, role := range map[bool]string{true: "status", false: "alert"} {
		p := connectionPage("42")
		p.Flash = &Flash{OK: ok, Message: "The outcome."}
		if got := parse(t, Connection(p)).with(t, "class", "flash tone-"+map[bool]string{true: "ok", false: "bad"}[ok]).get("role"); got != role {
			t.Errorf("got role %q, want %q", got, role)
		}
	}
}

func TestThemeIsChosenOrFollowsTheSystem(t *testing.T) {
	for _, theme := range []Theme{ThemeSystem, ThemeLight, ThemeDark} {
		page := parse(t, Overview(OverviewPage{Shell: Shell{Theme: theme}}))
		got, chosen := page.all("html")[0].attr("data-theme")
		if got != string(theme) || chosen != (theme != ThemeSystem) {
			t.Errorf("theme %q: got data-theme %q", theme, got)
		}
		if page.with(t, "aria-pressed", "true").get("value") != string(theme) {
			t.Errorf("theme %q is not shown as chosen", theme)
		}
	}
}

func TestConnectResultTellsTheScript(t *testing.T) {
	for _, test := range []struct {
		page ConnectResultPage
		want map[string]string
	}{
		{resultPage(), map[string]string{
			"data-popup": "true", "data-event": "AUTHORIZATION_SUCCEEDED", "data-integration": "slack", "data-user-id": hostile[0],
			"data-error-type": "", "data-error-message": "", "data-href": "/connections/5b0e",
		}},
		{failedPage(), map[string]string{
			"data-popup": "false", "data-event": "AUTHORIZATION_FAILED", "data-integration": "slack", "data-user-id": hostile[1],
			"data-error-type": "external_callback_error", "data-error-message": failedPage().Message, "data-href": "/integrations/slack",
		}},
	} {
		main := parse(t, ConnectResult(test.page)).all("main")[0]
		for key, want := range test.want {
			if got := main.get(key); got != want {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		if _, ok := main.attr("data-connect-result"); !ok {
			t.Error("the script does not find the result")
		}
	}
}

func TestTextThatIsNotSavedIsGuarded(t *testing.T) {
	for want, page := range map[bool][]templ.Component{
		false: {Connection(connectionPage("42"))},
		true:  {Connection(refusedPage()), ConfigConflict(conflictPage())},
	} {
		for _, p := range page {
			if _, unsaved := parse(t, p).with(t, "id", "config-form").attr("data-unsaved"); unsaved != want {
				t.Errorf("got unsaved %v, want %v", unsaved, want)
			}
		}
	}
}

func TestPopupEndsByClosing(t *testing.T) {
	start := startPage("app", "42")
	start.Popup = true
	for _, page := range []templ.Component{ConnectStart(start), ConnectResult(failedPopupPage()), ConnectResult(resultPage())} {
		shown := parse(t, page)
		if _, hidden := shown.with(t, "data-close", "").attr("hidden"); !hidden {
			t.Error("a button that needs the script is shown without")
		}
		for _, a := range shown.all("main")[0].all("a") {
			if a.get("href") != failedPage().RetryHref {
				t.Errorf("%q leads to %q inside the popup", a.text(), a.get("href"))
			}
		}
	}
}

func TestConnectFormWithoutRightIsDisabledWhole(t *testing.T) {
	user := userPage("42", nil)
	user.Connect.Disabled = "Connecting takes the role operator or admin."
	integration := integrationPage()
	integration.Connect.Disabled = user.Connect.Disabled
	for _, page := range []templ.Component{User(user), Integration(integration)} {
		form := parse(t, page).with(t, "action", "/connect")
		for _, e := range form.all("input", "select", "button") {
			if _, disabled := e.attr("disabled"); !disabled && e.get("type") != "hidden" {
				t.Errorf("%s %q can be used", e.Data, e.get("name"))
			}
		}
	}
}

func TestIntegrationWithoutOAuthShowsNone(t *testing.T) {
	text := parse(t, Integration(apiKeyPage())).all("main")[0].text()
	for _, unwanted := range []string{"OAuth", "Callback", "Scopes", "Enter a user id"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%q is shown", unwanted)
		}
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	chips := []Link{{"Status: Error", "/connections"}}
	for want, p := range map[string]ConnectionsPage{
		"Each is one user's access to one integration.":                 {Total: "0"},
		"1 connection: one user's access to one integration.":           {Total: "1", AnyExist: true},
		"3,045 connections, each one user's access to one integration.": {Total: "3,045", AnyExist: true},
		"1 connection matches.":                                         {Total: "1", AnyExist: true, Chips: chips},
		"10,000+ connections match.":                                    {Total: "10,000+", AnyExist: true, Chips: chips},
	} {
		if got := parse(t, Connections(p)).with(t, "class", "context").text(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnknownUserLeadsToASearch(t *testing.T) {
	id := "a b&c=d#e"
	if got := parse(t, User(userPage(id, nil))).with(t, "class", "empty").all("a")[0].get("href"); got != "/connections?q=a+b%26c%3Dd%23e" {
		t.Errorf("got %q", got)
	}
}
