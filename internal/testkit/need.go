package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// debianPackages names what to install where a program is missing.
var debianPackages = map[string]string{
	"chromium": "chromium",
	"initdb":   "postgresql",
	"node":     "nodejs",
	"npm":      "npm",
	"python3":  "python3",
}

// Need finds a program that a test cannot do without and gives its path; where it is missing, see [Unavailable].
func Need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	// Debian keeps the programs of the PostgreSQL server out of PATH.
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program); len(found) > 0 {
		return found[len(found)-1]
	}
	Unavailable(t, program+" is missing: apt-get install "+debianPackages[program])
	return ""
}

// Unavailable skips a test whose surroundings are not there, such as a program or the network of a package registry.
// With PATCHBAY_TEST_ALL=1 it fails the test instead, so that nothing is skipped unnoticed.
func Unavailable(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("PATCHBAY_TEST_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
