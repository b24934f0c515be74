package handlers

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const openAPIGolden = "testdata/openapi.json"

// The document is a contract: whoever changes it decides on its version, too.
func TestOpenAPIChangesWithItsVersionOnly(t *testing.T) {
	text, err := encodeDocument(apiDocument((&server{}).apiRoutes()))
	must(t, err)
	golden, err := os.ReadFile(openAPIGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if string(golden) == string(text) {
		return
	}
	version := func(document []byte) string {
		var d struct{ Info struct{ Version string } }
		if len(document) > 0 {
			must(t, json.Unmarshal(document, &d))
		}
		return d.Info.Version
	}
	if version(golden) == version(text) {
		t.Fatalf("the API's description has changed: move apiVersion on from %s (patch for words, minor for additions, major for what breaks callers) and run with -update\n%s", version(golden), cmp.Diff(string(golden), string(text)))
	}
	if !*update {
		t.Fatalf("version %s is not written yet: run with -update", version(text))
	}
	must(t, os.WriteFile(openAPIGolden, text, 0o644))
}
