package models

import (
	"testing"
)

func TestMergePatch(t *testing.T) {
	tests := []struct{ target, patch, want string }{
		// RFC 7396 appendix A, as far as the results are objects.
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// What the patch does not touch keeps its text.
		{`{ "n": 1.0, "big":12345678901234567890123 , "o": { "x" : 1 } }`, `{"m":1e400}`, `{"n":1.0,"big":12345678901234567890123,"o":{ "x" : 1 },"m":1e400}`},
		{`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`},
		{`{"a":1}`, `null`, `{}`},
		{`{ "a" : 1, "o" : { "x":1 } }`, `{"a":1,"o":{"y":null},"z":null}`, `{ "a" : 1, "o" : { "x":1 } }`},
		{`{ "a" : 1 }`, `{}`, `{ "a" : 1 }`},
		{`{"lone":"\ud800"}`, `{"\ud800":1}`, `{"lone":"\ud800","\ud800":1}`},
	}
	for _, test := range tests {
		got, err := Config(test.target).Merge(test.patch)
		if err != nil || string(got) != test.want {
			t.Errorf("%s with %s gives %s, %v, want %s", test.target, test.patch, got, err, test.want)
		}
	}
	for _, patch := range []string{`[1]`, `{"a":1,"a":2}`, `{`, ``} {
		if _, err := EmptyConfig.Merge(patch); !HasCode(err, CodeInvalidConfig) {
			t.Errorf("patch %q: %v", patch, err)
		}
	}
}

func FuzzMergePatch(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[1]}}`)
	f.Fuzz(func(t *testing.T, target, patch string) {
		config, err := ParseConfig(target)
		if err != nil {
			return
		}
		merged, err := config.Merge(patch)
		if err != nil {
			return
		}
		again, err := merged.Merge(patch)
		if err != nil || again != merged {
			t.Errorf("%q with %q gives %q, and once more %q, %v", target, patch, merged, again, err)
		}
	})
}
