package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// checkKey gives the key ring; nil where there is none, or none that can be used.
func (c *doctorCommand) checkKey(ctx context.Context, d *diagnosis) *vault.Ring {
	if c.EncryptionKey != "" {
		ring, err := vault.Parse(c.EncryptionKey)
		if err != nil {
			d.fail("key", fmt.Errorf("PATCHBAY_ENCRYPTION_KEY: %w", err), "set the key that the database was made with")
			return nil
		}
		d.ok("key", "from PATCHBAY_ENCRYPTION_KEY")
		return ring
	}
	ring, err := vault.ReadKeyFile(c.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if sealed, _ := store.Sealed(ctx, c.DB); sealed {
			d.fail("key", fmt.Errorf("there is no key file %s, and the database cannot be opened without it", c.KeyFile), "put the key file back from a backup")
		} else {
			d.warn("key", fmt.Sprintf("there is no key file %s yet", c.KeyFile), "it is created at the first run: keep a copy elsewhere")
		}
		return nil
	case err != nil:
		d.fail("key", err, "")
		return nil
	}
	d.ok("key", "%s, readable by its owner only", c.KeyFile)
	return ring
}

// checkDatabase gives the integrations that are stored, where that is possible without changing the schema.
func (c *doctorCommand) checkDatabase(ctx context.Context, d *diagnosis, ring *vault.Ring) []models.Integration {
	place := store.Place(c.DB)
	there, err := store.Sealed(ctx, c.DB)
	if err != nil {
		d.fail("database", err, "check PATCHBAY_DB, and that the server can be reached")
		return nil
	}
	c.checkDisk(d)
	if !there {
		d.warn("database", place+" holds nothing yet", "it is made at the first run")
		return nil
	}
	found, err := store.Inspect(ctx, c.DB, ring)
	if err != nil {
		d.fail("database", err, "check PATCHBAY_DB, and the rights of its file or user")
		return nil
	}
	switch {
	case found.Integrity != nil:
		d.fail("database", fmt.Errorf("%s is damaged: %w", place, found.Integrity), "stop the server, keep a copy of the file, and restore a backup")
	case found.Writable != nil:
		d.fail("database", fmt.Errorf("%s takes no writes: %w", place, found.Writable), "check its rights, and whether another program holds it")
	default:
		d.ok("database", "%s, %s", place, found.Version)
	}
	if found.Key != nil {
		d.fail("key", found.Key, "")
	}
	checkServer(d, found)
	checkClock(d, found)
	if !c.checkSchema(ctx, d) || ring == nil || found.Key != nil || found.Integrity != nil {
		return nil
	}
	return c.storedIntegrations(ctx, d)
}

func (c *doctorCommand) checkSchema(ctx context.Context, d *diagnosis) (current bool) {
	list, err := store.Migrations(ctx, c.DB)
	if err != nil {
		d.fail("schema", err, "")
		return false
	}
	pending := 0
	for _, m := range list {
		if m.Applied && m.Name == "unknown to this program" {
			d.fail("schema", fmt.Errorf("version %d is of a newer program", m.Version), "run the newer program")
			return false
		}
		if !m.Applied {
			pending++
		}
	}
	if pending > 0 {
		d.warn("schema", fmt.Sprintf("version %d; pending: %d", schemaVersion(list), pending), "they are applied when the server starts, or by patchbay migrate: make a backup before")
		return false
	}
	d.ok("schema", "version %d", schemaVersion(list))
	return true
}

// Bounds of what is left on the disk.
const (
	littleDisk   = 1 << 30
	noDisk       = 64 << 20
	bytesPerMiB  = 1 << 20
	clockSkew    = 5 * time.Second
	oldestServer = 13 // the oldest major version of PostgreSQL that this program was made for
)

func (c *doctorCommand) checkDisk(d *diagnosis) {
	if strings.Contains(c.DB, "://") {
		return
	}
	dir := filepath.Dir(c.DB)
	free, known := freeBytes(dir)
	text := fmt.Sprintf("%d MiB free in %s", free/bytesPerMiB, dir)
	switch {
	case !known:
	case free < noDisk:
		d.fail("disk", errors.New(text), "make room: nothing can be saved on a full disk")
	case free < littleDisk:
		d.warn("disk", text, "make room")
	default:
		d.ok("disk", "%s", text)
	}
}

// checkServer checks a database server's version and settings.
func checkServer(d *diagnosis, found *store.Inspection) {
	if found.Settings == nil {
		return
	}
	version := strings.TrimPrefix(found.Version, "PostgreSQL ")
	major, _ := strconv.Atoi(strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })[0])
	if major < oldestServer {
		d.fail("server", fmt.Errorf("%s is too old", found.Version), fmt.Sprintf("use PostgreSQL %d or newer", oldestServer))
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if found.Settings[name] == "off" {
			d.warn("server", name+" is off: a crash of the server can lose tokens that were saved", "set "+name+" = on")
		}
	}
	if encoding := found.Settings["server_encoding"]; encoding != "UTF8" {
		d.fail("server", fmt.Errorf("its encoding is %s", encoding), "create the database with ENCODING 'UTF8'")
	}
	if n, err := strconv.Atoi(found.Settings["max_connections"]); err == nil && n < 2*serverConnections {
		d.warn("server", fmt.Sprintf("max_connections is %d; one process of ours uses up to %d", n, serverConnections), "raise max_connections")
	}
}

// serverConnections is how many connections one process opens at most.
const serverConnections = 16

func checkClock(d *diagnosis, found *store.Inspection) {
	now := utcNow()
	switch {
	case now.Year() < 2025:
		d.fail("clock", fmt.Errorf("it says %s", now.Format(time.RFC3339)), "set the clock: tokens would seem to live for years")
	case !found.Clock.IsZero() && now.Sub(found.Clock).Abs() > clockSkew:
		d.warn("clock", fmt.Sprintf("the database server's differs by %s", now.Sub(found.Clock).Round(time.Second)), "run a time service such as chrony on both machines")
	case found.Newest.After(now.Add(clockSkew)):
		d.warn("clock", fmt.Sprintf("a connection was changed at %s, which is to come", found.Newest.Format(time.RFC3339)), "set the clock: it is, or was, wrong")
	default:
		d.ok("clock", "%s", now.Format(time.RFC3339))
	}
}

func (c *doctorCommand) storedIntegrations(ctx context.Context, d *diagnosis) []models.Integration {
	db, err := c.openExisting(ctx)
	if err != nil {
		d.fail("database", err, "")
		return nil
	}
	definitions, err := db.IntegrationDefinitions(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		d.fail("integrations", err, "")
		return nil
	}
	var list []models.Integration
	for name, definition := range definitions {
		in, err := integrations.ParseDefinition(name, definition)
		if err != nil {
			d.warn("integration "+name, err.Error(), "change the stored integration")
			continue
		}
		list = append(list, in)
	}
	return list
}

// checkIntegrations checks the file, and tells for every integration what is to be registered at its provider.
func (c *doctorCommand) checkIntegrations(d *diagnosis, root *url.URL, stored []models.Integration) {
	file := filepath.Join(c.Dir, integrations.FileName)
	list, err := integrations.Load(c.Dir, os.LookupEnv)
	if err != nil {
		d.fail("integrations", errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")), "mend the file: the server does not start with it")
	} else {
		d.ok("integrations", "%s: %d; stored: %d", file, len(list), len(stored))
	}
	for _, in := range stored {
		if slices.ContainsFunc(list, func(other models.Integration) bool { return other.Name == in.Name }) {
			d.warn("integration "+in.Name, "it is stored and in "+file+", too: the stored one is left out", "delete one of the two")
			continue
		}
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b models.Integration) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		if root != nil {
			checkIntegration(d, root, &list[i])
		}
	}
}

func checkIntegration(d *diagnosis, root *url.URL, in *models.Integration) {
	check := "integration " + in.Name
	if in.Registered() {
		d.ok(check, "%s; its connections are registered by your backend", in.Auth.Mode)
		return
	}
	if problem := in.Problem(); problem != "" {
		d.warn(check, problem, "users cannot connect it until then")
		return
	}
	callback := root.String() + "/oauth/callback"
	if !in.SharedCallback {
		callback += "/" + in.Name
	}
	d.ok(check, "callback to register at the provider: %s", callback)
}
