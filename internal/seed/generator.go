package seed

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// generator makes connections, one after the other.
type generator struct {
	random       *rand.Rand
	integrations []string
	now          time.Time
}

// connection makes the nth connection. Two thirds of the users have one connection, others two or three.
func (g *generator) connection(n int) (store.MovedConnection, error) {
	created := g.now.Add(-time.Duration(g.random.Int64N(int64(2 * 365 * 24 * time.Hour)))).Truncate(time.Microsecond)
	obtained := g.now.Add(-time.Duration(g.random.Int64N(int64(50 * time.Minute)))).Truncate(time.Microsecond)
	if obtained.Before(created) {
		created = obtained
	}
	version := 1 + g.random.Int64N(200)
	c := models.Connection{
		UUID: g.uuid(), Integration: g.integrations[n%len(g.integrations)], UserID: userID(g.user(n)),
		DateCreated: created, LastModified: obtained, AdditionalConfig: g.config(), Tags: g.tags(),
		ConfigVersion: 1 + g.random.Int64N(version), Version: version, UsedAt: created,
	}
	credentials := g.credentials(obtained)
	c.Hold(credentials, models.RefreshRules{}, obtained)
	g.trouble(&c)
	plain, err := credentials.SealedJSON()
	return store.MovedConnection{Connection: c, Credentials: models.Secret(plain)}, err
}

// user gives whose the nth connection is. Connections of one user are of different integrations, which follow each other
// in turn.
func (g *generator) user(n int) int {
	if len(g.integrations) < 3 {
		return n
	}
	group, place := n/6, n%6 // six connections of four users: 1, 1, 2 and 2
	return group*4 + []int{0, 1, 2, 2, 3, 3}[place]
}

// userID gives the id of a user, in the shape that one of several applications would give it.
func userID(user int) string {
	switch user % 5 {
	case 0:
		return fmt.Sprintf("%d", 100_000+user)
	case 1:
		return fmt.Sprintf("user-%d@example.com", user)
	case 2:
		return fmt.Sprintf("org_%x/member_%d", user/50, user)
	case 3:
		return uuid.NewSHA1(uuid.NameSpaceOID, binary.BigEndian.AppendUint64(nil, uint64(user))).String()
	}
	return fmt.Sprintf("auth0|%024x", uint64(user)*2654435761)
}

func (g *generator) uuid() string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], g.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], g.random.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4 (RFC 9562 §5.4)
	return id.String()
}

func (g *generator) tags() []string {
	tags := []string{Tag}
	if g.random.IntN(4) == 0 {
		tags = append(tags, []string{"vip", "trial", "beta", "internal"}[g.random.IntN(4)])
	}
	if g.random.IntN(3) == 0 {
		tags = append(tags, fmt.Sprintf("team-%d", g.random.IntN(200)))
	}
	return tags
}

// config makes an additionalConfig: mostly some settings, sometimes none, and one in a hundred of several kilobytes.
func (g *generator) config() models.Config {
	switch n := g.random.IntN(100); {
	case n < 15:
		return models.EmptyConfig
	case n == 99:
		fields := make([]string, 60)
		for i := range fields {
			fields[i] = fmt.Sprintf(`    {"source": "field_%d", "target": "custom.%x", "required": %t}`, i, g.random.Uint64(), i%3 == 0)
		}
		return models.Config("{\n  \"mapping\": [\n" + strings.Join(fields, ",\n") + "\n  ]\n}")
	case n < 60:
		return models.Config(fmt.Sprintf(`{"channel": "C%010X", "notify": %t}`, g.random.Uint64()>>24, n%2 == 0))
	}
	return models.Config(fmt.Sprintf("{\n  \"workspace\": \"T%010X\",\n  \"locale\": %q,\n  \"limits\": {\"daily\": %d, \"ratio\": 1.0},\n  \"labels\": [\"a\", \"b\"]\n}",
		g.random.Uint64()>>24, []string{"en-GB", "de-DE", "ja-JP", "pt-BR"}[g.random.IntN(4)], 100*(1+g.random.IntN(50))))
}

// credentials makes tokens as the sandbox gives them: most end within hours, some live for months and cannot be refreshed,
// and some never end.
func (g *generator) credentials(obtained time.Time) models.Credentials {
	c := models.Credentials{Type: models.AuthOAuth2, AccessToken: g.token("seed_at_")}
	life := time.Duration(0)
	switch n := g.random.IntN(20); {
	case n < 14:
		c.RefreshToken, life = g.token("seed_rt_"), time.Hour+time.Duration(g.random.IntN(23))*time.Hour
	case n < 18:
		life = 2*time.Hour + time.Duration(g.random.IntN(90*24))*time.Hour
	}
	if life > 0 {
		ends := obtained.Add(life)
		c.ExpiresAt = &ends
	}
	c.Raw = fmt.Appendf(nil, `{"access_token":%q,"token_type":"bearer","expires_in":%d,"refresh_token":%q,"scope":"read write"}`,
		c.AccessToken.Reveal(), int(life.Seconds()), c.RefreshToken.Reveal())
	return c
}

func (g *generator) token(prefix string) models.Secret {
	var random [30]byte
	for i := 0; i < len(random); i += 6 {
		n := g.random.Uint64()
		for j := range 6 {
			random[i+j] = byte(n >> (8 * j))
		}
	}
	return models.Secret(prefix + base64.RawURLEncoding.EncodeToString(random[:]))
}

// trouble puts a few connections into the states that operators look for.
func (g *generator) trouble(c *models.Connection) {
	switch n := g.random.IntN(1000); {
	case n < 20:
		c.State = models.StateNeedsReconnect
		c.StateReason, c.StateAnswer = "The provider no longer accepts the refresh token: access was revoked, or has expired.", "400 Bad Request, invalid_grant"
		c.RefreshAt, c.AheadAt, c.Failures = nil, nil, 1
	case n < 25 && c.RefreshAt != nil:
		c.State, c.StateReason, c.StateAnswer, c.Failures = models.StateError, "The provider is in trouble.", "503 Service Unavailable", 3
	case n < 35:
		c.State, c.StateBefore, c.AheadAt = models.StateDisabled, models.StateConnected, nil
	}
}
