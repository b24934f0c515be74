package integrations

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/patchbay/patchbay/models"
)

// maxTextBytes bounds one text after its variables are replaced.
const maxTextBytes = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// scope decides whether ${name} stays in a text as a placeholder that is filled for each request. The fault is for a
// placeholder that exists but could never be filled there. In the nil scope every ${NAME} is an environment variable.
type scope func(name string) (stays bool, fault string)

// connectionScope is the placeholders of a connection, for the URLs of tenants.
func connectionScope(name string) (bool, string) {
	key, ok := strings.CutPrefix(name, "additionalConfig.")
	return ok && key != "" || name == "connection.userId", ""
}

// requestScope is every placeholder a request of an integration with the given auth mode can use.
func requestScope(mode models.AuthMode) scope {
	return func(name string) (bool, string) {
		if stays, _ := connectionScope(name); stays {
			return true, ""
		}
		if key, ok := strings.CutPrefix(name, "raw."); ok && key != "" {
			return true, ""
		}
		modes, known := requestPlaceholders[name]
		if known && modes != nil && mode != "" && !slices.Contains(modes, mode) {
			return false, fmt.Sprintf("expected a placeholder of auth_mode %s, found ${%s}", mode, name)
		}
		return known, ""
	}
}

// requestPlaceholders is the auth modes that can fill each placeholder; nil is all of them.
var requestPlaceholders = map[string][]models.AuthMode{
	"app_api_key":         nil,
	"oauth_client_id":     nil,
	"oauth_client_secret": nil,
	"access_token":        {models.AuthOAuth2, models.AuthOAuth2CC},
	"oauth_token":         {models.AuthOAuth1},
	"oauth_token_secret":  {models.AuthOAuth1},
	"api_key":             {models.AuthAPIKey},
	"username":            {models.AuthUsernamePassword},
	"password":            {models.AuthUsernamePassword},
	"basic_auth_encoded":  {models.AuthUsernamePassword},
}

// expand replaces each ${NAME} by the environment variable NAME, once: a variable's value is never looked into. Without
// an env there are no variables, only placeholders. Where the text is at fault, it says what was expected, without any
// value.
func expand(text string, env func(string) (string, bool), placeholders scope) (expanded, fault string) {
	var b strings.Builder
	stayed := 0
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if b.Len() > maxTextBytes {
			return "", fmt.Sprintf("expected at most %d bytes, with variables replaced", maxTextBytes)
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", "expected a closing } after ${"
		}
		stays := false
		if placeholders != nil {
			stays, fault = placeholders(name)
		}
		switch {
		case fault != "":
			return "", fault
		case stays:
			b.WriteString("${" + name + "}")
			stayed++
		case env == nil:
			return "", "expected a placeholder that can be filled here between ${ and }; environment variables cannot be used"
		case !variableName.MatchString(name):
			return "", "expected the name of an environment variable between ${ and }, or a placeholder that can be filled here"
		default:
			replacement, set := env(name)
			if !set {
				return "", "expected the environment variable " + shown(name) + " to be set"
			}
			b.WriteString(replacement)
		}
		text = after
	}
	// Only a placeholder of the file itself may be filled later, not one that the value of a variable brought in.
	if placeholders != nil && strings.Count(b.String(), "${") != stayed {
		return "", "expected variables whose values hold no ${"
	}
	return b.String(), ""
}
