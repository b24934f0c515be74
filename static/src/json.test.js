import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { offsetOf, reindent, tokenize } from './json.js';

test('reindent changes white space alone', () => {
  const cases = [
    ['{}', '{}'],
    [' { \n } \n', '{}'],
    ['{"a":[],"b":{ }}', '{\n  "a": [],\n  "b": {}\n}'],
    ['{"n":[1.0,12345678901234567890,-0,1E+2]}', '{\n  "n": [\n    1.0,\n    12345678901234567890,\n    -0,\n    1E+2\n  ]\n}'],
    ['{"b":1,"a":2,"1":3}', '{\n  "b": 1,\n  "a": 2,\n  "1": 3\n}'],
    [String.raw`{"\u0061\/":"{ [ , : \" \\","é":"\ud800 😀"}`, String.raw`{
  "\u0061\/": "{ [ , : \" \\",
  "é": "\ud800 😀"
}`],
    ['{"a":{"b":[{"c":null},[true,false]]}}', '{\n  "a": {\n    "b": [\n      {\n        "c": null\n      },\n      [\n        true,\n        false\n      ]\n    ]\n  }\n}'],
  ];
  for (const [text, want] of cases) {
    assert.equal(reindent(text), want);
    assert.equal(reindent(want), want, 'twice is once');
  }
});

test('faults name the place and what was expected', () => {
  const cases = [
    ['', "line 1, column 1: expected '{', found nothing; write {} for an empty configuration"],
    ['[]', "line 1, column 1: expected '{', because the configuration is a JSON object; found '['"],
    ['{', "line 1, column 2: expected more, at least a closing '}', found the end of the text"],
    ['{"a":[1', "line 1, column 8: expected more, at least a closing ']', found the end of the text"],
    ['{a:1}', "line 1, column 2: expected a key in double quotes or '}', found 'a'"],
    ["{'a':1}", `line 1, column 2: expected a key in double quotes or '}', found "'"`],
    ['{"a" 1}', "line 1, column 6: expected ':' after a key, found '1'"],
    ['{"a":}', "line 1, column 6: expected a value, found '}'"],
    ['{\n  "😀": 1\n  "b": 2\n}', `line 3, column 3: expected ',' or '}' after a value, found '"'`],
    ['{"😀":01}', "line 1, column 7: expected ',' or '}' after a value, found '1'"],
    ['{"a":[1 2]}', "line 1, column 9: expected ',' or ']' after an element, found '2'"],
    ['{"a":1,\n}', 'line 1, column 7: expected no comma before the closing bracket'],
    ['{"a":[1,]}', 'line 1, column 8: expected no comma before the closing bracket'],
    ['{"a":1,"\\u0061":2}', 'line 1, column 8: expected each key once, found "\\u0061" again'],
    ['{"a":"b\n"}', `line 1, column 8: expected the closing '"' of the string, found a line break`],
    ['{"a":"b', `line 1, column 8: expected the closing '"' of the string, found the end of the text`],
    ['{"a":"\\x"}', String.raw`line 1, column 7: expected one of the escapes \" \\ \/ \b \f \n \r \t \u0000, found '\'`],
    ['{} {}', "line 1, column 4: expected the end of the text after the object, found '{'"],
    ['\ufeff{}', "line 1, column 1: expected '{', because the configuration is a JSON object; found the invisible character U+FEFF"],
    ['{"__proto__":1,"__proto__":2}', 'line 1, column 16: expected each key once, found "__proto__" again'],
  ];
  for (const [text, message] of cases) assert.throws(() => reindent(text), { message }, text);
});

test('offsetOf counts characters, and stays inside the text', () => {
  const text = '{\n"😀": x\n}';
  assert.equal(text[offsetOf(text, 2, 6)], 'x');
  assert.equal(offsetOf(text, 1, 1), 0);
  assert.equal(offsetOf(text, 2, 99), text.lastIndexOf('\n'));
  assert.equal(offsetOf(text, 99, 99), text.length);
});

test('a long text is no trouble, a deep one is refused as by the server', () => {
  const long = `{"a":"${'x'.repeat(1 << 20)}"}`;
  const nested = (depth) => '{"a":' + '['.repeat(depth - 1) + ']'.repeat(depth - 1) + '}';
  assert.equal(reindent(long), `{\n  "a": ${long.slice(5, -1)}\n}`);
  assert.throws(() => tokenize(long.slice(0, -2)), /found the end of the text/);
  assert.doesNotThrow(() => tokenize(nested(64)));
  assert.throws(() => tokenize(nested(65)), { message: 'line 1, column 69: expected at most 64 levels of nesting' });
});

// The suite has bare values; an object around them is what the product stores.
test('JSONTestSuite', () => {
  const suite = new URL('../../models/testdata/jsontestsuite/', import.meta.url);
  const duplicates = /^y_object_duplicated_key/;
  for (const name of readdirSync(suite).filter((name) => /^[ny]_/.test(name))) {
    let text;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(new URL(name, suite)));
    } catch {
      continue; // not text: a textarea cannot hold it
    }
    const read = () => tokenize(`{"value":${text}}`);
    if (name.startsWith('y_') && !duplicates.test(name)) assert.doesNotThrow(read, name);
    else assert.throws(read, { name: 'Error', message: /^line \d+, column \d+: expected / }, name);
  }
});
