package models

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseConfigNamesThePlaceOfTheFault(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"comma", "{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, column 3: expected ',' or '}' after a value, found '\"'"},
		{"colon", `{"a" 1}`, "line 1, column 6: expected ':' after a key, found '1'"},
		{"value", "{\"a\":\n,1}", "line 2, column 1: expected a value, found ','"},
		{"single quotes", `{'a':1}`, `line 1, column 2: expected a key in double quotes or '}', found "'"`},
		{"trailing comma", `{"a":1,}`, "line 1, column 7: expected no comma before the closing bracket"},
		{"mismatched bracket", `{"a":[1,}`, "line 1, column 9: expected a value after the comma, found '}'"},
		{"cut off", "{\"a\":[1,\n2", "line 2, column 2: expected more, at least a closing ']', found the end of the text"},
		{"columns count characters", `{"ключ": "значение" x}`, "line 1, column 21: expected ',' or '}' after a value, found 'x'"},
		{"array", ` [1]`, "line 1, column 2: expected '{', because the configuration is a JSON object; found '['"},
		{"nothing", " \n", "line 2, column 1: expected '{', found nothing; write {} for an empty configuration"},
		{"after the object", "{}\n{}", "line 2, column 1: expected the end of the text after the object, found '{'"},
		{"duplicate key", `{"a":1,"b":{"x":1,"\u0078":2}}`, `line 1, column 19: expected each key once, found "x" again`},
		{"depth", strings.Repeat(`{"a":`, 64) + "{}" + strings.Repeat("}", 64), "line 1, column 321: expected at most 64 levels of nesting"},
		{"size", `{"a":"` + strings.Repeat("x", MaxConfigBytes) + `"}`, "line 1, column 262145: expected at most 262144 bytes (256 KiB), found 262152"},
		{"byte order mark", "\ufeff{}", "line 1, column 1: expected '{', found a byte order mark"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "line 1, column 7: expected UTF-8 text, found a byte that is not"},
		{"raw line break", "{\"a\":\"x\ny\"}", "line 1, column 8: expected no control character in a string, found a line break"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseConfig(test.text)
			e := AsError(err)
			if e == nil || e.Code != CodeInvalidConfig || e.Kind != KindInvalid {
				t.Fatalf("got %v, want invalid_config", err)
			}
			if got := e.Fields[0].Message; got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestParseConfigKeepsEveryByte(t *testing.T) {
	for _, text := range []string{
		`{}`, " \t{ \"b\" : 1.0 , \"a\":12345678901234567890123, \"e\":1E400 }\r\n", `{"lone":"\ud800","nul":"\u0000","é":"\u00e9"}`,
		strings.Repeat(`{"a":`, 63) + "{}" + strings.Repeat("}", 63),
	} {
		if got, err := ParseConfig(text); err != nil || string(got) != text {
			t.Errorf("ParseConfig(%q) = %q, %v", text, got, err)
		}
	}
	if got, err := ParseConfig(" null\n"); err != nil || got != EmptyConfig {
		t.Errorf("null became %q, %v", got, err)
	}
}

// JSONTestSuite (MIT, see its LICENSE): n_ files are not JSON, y_ files are.
func TestParseConfigOnJSONTestSuite(t *testing.T) {
	files, err := filepath.Glob("testdata/jsontestsuite/[ny]_*.json")
	if err != nil || len(files) < 250 {
		t.Fatalf("found %d files of the suite, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, text := filepath.Base(file), string(data)
		for _, text := range []string{text, `{"value":` + text + `}`} {
			config, err := ParseConfig(text)
			var object map[string]json.RawMessage
			duplicate := strings.Contains(name, "duplicated_key")
			isObject := strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
			wantValid := name[0] == 'y' && (isObject || name == "y_structure_lonely_null.json") && !duplicate
			if name == "n_structure_no_data.json" || name == "n_structure_trailing_#.json" {
				wantValid = false
			}
			if (err == nil) != wantValid {
				t.Errorf("%s as %.60q: %v, want valid %v", name, text, err, wantValid)
			}
			if err == nil && json.Unmarshal([]byte(config), &object) != nil {
				t.Errorf("%s: accepted what encoding/json refuses", name)
			}
			if e := AsError(err); e != nil && (e.Fields[0].Line < 1 || e.Fields[0].Column < 1) {
				t.Errorf("%s: no position in %v", name, e)
			}
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}]}`, "{\"a\"\n:1 x", `{"a":1,"a":2}`, `{"\ud800":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		config, err := ParseConfig(text)
		if err != nil {
			if e := AsError(err); e == nil || e.Fields[0].Line < 1 || e.Fields[0].Column < 1 {
				t.Fatalf("no position in %v", err)
			}
			return
		}
		var object map[string]any
		if string(config) != text && config != EmptyConfig || json.Unmarshal([]byte(config), &object) != nil && !strings.ContainsAny(text, "eE") {
			t.Fatalf("accepted %q as %q", text, config)
		}
	})
}
