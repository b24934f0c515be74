package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

func TestEveryScopeIsOfferedOnce(t *testing.T) {
	var offered []models.Scope
	for _, group := range scopeGroups {
		for _, s := range group.Scopes {
			offered = append(offered, s.Scope)
		}
	}
	all := slices.Clone(models.Scopes)
	slices.Sort(offered)
	slices.Sort(all)
	if !slices.Equal(offered, all) {
		t.Errorf("got %v, want %v", offered, all)
	}
}

func TestAFreshKeyFormHasNoScopeChosen(t *testing.T) {
	for _, box := range parse(t, KeyForm(keyFormPage())).all("input") {
		if _, checked := box.attr("checked"); checked && box.get("name") == "scopes" {
			t.Errorf("%s is chosen", box.get("value"))
		}
	}
}

func TestARefusedKeyFormKeepsWhatWasChosen(t *testing.T) {
	page := parse(t, KeyForm(refusedKeyPage()))
	if page.with(t, "id", "name").get("value") != hostile[0] || page.with(t, "id", "expiresAt").get("value") != "tomorrow" {
		t.Error("what was typed is lost")
	}
	for id, want := range map[string]bool{"scope-connect:write": true, "scope-audit:read": false, "integration-github": true, "integration-slack": false} {
		if _, checked := page.with(t, "id", id).attr("checked"); checked != want {
			t.Errorf("%s: checked %v", id, checked)
		}
	}
	if title := page.all("title")[0].text(); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q does not begin with Error:", title)
	}
}

func TestTheKeyOfTheSettingsCannotBeChangedHere(t *testing.T) {
	page := parse(t, Keys(KeysPage{Rows: keyRows()[1:2]}))
	for _, a := range page.all("tbody")[0].all("a") {
		t.Errorf("%q leads to %s", a.text(), a.get("href"))
	}
	if !strings.Contains(page.text(), "From the settings") {
		t.Error("it is not said where it comes from")
	}
}

func TestOnlyOwnersAreLedToTheKeys(t *testing.T) {
	for _, owner := range []bool{true, false} {
		led := false
		for _, a := range parse(t, Reference(ReferencePage{Shell: Shell{Owner: owner}})).all("a") {
			led = led || a.get("href") == "/keys"
		}
		if led != owner {
			t.Errorf("owner %v: led %v", owner, led)
		}
	}
}
