// The additionalConfig as the server reads it: one JSON object (RFC 8259), no key twice. Nothing here turns text into
// values, so numbers, escapes and key order stay as typed.

const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/y; // up to its closing quote
const TOKEN = new RegExp(`${STRING.source}"|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null|[{}[\\]:,]`, 'y');
const SPACE = /[ \t\r\n]*/y;
const MAX_DEPTH = 64; // the server's; without it the indentation of a deep text is longer than any memory

// What may come next: the kinds of token, and the server's words for them. A kind is a token's first character, or 'v'
// for numbers and literals.
const ROOT = { kinds: '{', words: "'{', because the configuration is a JSON object;" };
const FIRST_KEY = { kinds: '"}', words: "a key in double quotes or '}'," };
const KEY = { kinds: '"', words: 'a key in double quotes,' };
const COLON = { kinds: ':', words: "':' after a key," };
const FIRST_ELEMENT = { kinds: '"v{[]', words: "a value or ']'," };
const VALUE = { kinds: '"v{[', words: 'a value,' };
const AFTER_MEMBER = { kinds: ',}', words: "',' or '}' after a value," };
const AFTER_ELEMENT = { kinds: ',]', words: "',' or ']' after an element," };
const END = { kinds: '', words: 'the end of the text after the object,' };

// Fault is why text is refused, and at which offset, in UTF-16 units. The message begins with line and column.
export class Fault extends Error {
  constructor(text, at, message) {
    const lines = text.slice(0, at).split('\n');
    super(`line ${lines.length}, column ${[...lines.at(-1)].length + 1}: ${message}`);
    this.at = at;
  }
}

// offsetOf gives the offset of a 1-based line and column, where a column is a character of one or two UTF-16 units.
export function offsetOf(text, line, column) {
  const lines = text.split('\n').slice(0, line);
  lines.push([...lines.pop()].slice(0, column - 1).join(''));
  return lines.join('\n').length;
}

// reindent gives text with two spaces per level and one member per line, changing white space alone; or throws a Fault.
export function reindent(text) {
  let out = '', depth = 0, previous = '';
  for (const token of tokenize(text)) {
    const opened = previous === '{' || previous === '[';
    const closes = token === '}' || token === ']';
    if (closes) depth--;
    if (opened ? !closes : closes || previous === ',') out += '\n' + '  '.repeat(depth);
    else if (previous === ':') out += ' ';
    if (token === '{' || token === '[') depth++;
    out += token;
    previous = token;
  }
  return out;
}

// tokenize gives the tokens of text, or throws the first Fault.
export function tokenize(text) {
  const tokens = [];
  const open = []; // the containers around the next token, innermost last: the keys of an object, null for an array
  let expected = ROOT;
  for (let at = skipSpace(text, 0); at < text.length;) {
    const token = match(TOKEN, text, at);
    const kind = kindOf(token);
    if (!expected.kinds.includes(kind)) throw unexpected(text, at, kind, expected);
    if (kind === '"' && (expected === KEY || expected === FIRST_KEY)) {
      const keys = open.at(-1), key = JSON.parse(token);
      if (keys.has(key)) throw new Fault(text, at, `expected each key once, found ${token} again`);
      keys.add(key);
      expected = COLON;
    } else {
      expected = following(kind, open);
      if (open.length > MAX_DEPTH) throw new Fault(text, at, `expected at most ${MAX_DEPTH} levels of nesting`);
    }
    tokens.push(token);
    at = skipSpace(text, at + token.length);
  }
  if (expected !== END) throw unfinished(text, open);
  return tokens;
}

// following enters or leaves a container and gives what may come after a token that is not a key.
function following(kind, open) {
  switch (kind) {
    case '{': open.push(new Set()); return FIRST_KEY;
    case '[': open.push(null); return FIRST_ELEMENT;
    case ':': return VALUE;
    case ',': return open.at(-1) ? KEY : VALUE;
    case '}': case ']': open.pop();
  }
  return open.length === 0 ? END : open.at(-1) ? AFTER_MEMBER : AFTER_ELEMENT;
}

function unexpected(text, at, kind, expected) {
  if (kind === '?' && text[at] === '"' && expected.kinds.includes('"')) return brokenString(text, at);
  const comma = text.slice(0, at).trimEnd().length - 1;
  if ((kind === '}' || kind === ']') && text[comma] === ',') {
    return new Fault(text, comma, 'expected no comma before the closing bracket');
  }
  return new Fault(text, at, `expected ${expected.words} found ${nameOf(text, at)}`);
}

function brokenString(text, start) {
  const at = start + match(STRING, text, start).length;
  const expected = text[at] === '\\' ? 'one of the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000' : 'the closing \'"\' of the string';
  return new Fault(text, at, `expected ${expected}, found ${nameOf(text, at)}`);
}

function unfinished(text, open) {
  if (open.length === 0) return new Fault(text, text.length, "expected '{', found nothing; write {} for an empty configuration");
  const closing = open.at(-1) ? "'}'" : "']'";
  return new Fault(text, text.length, `expected more, at least a closing ${closing}, found the end of the text`);
}

// nameOf names the character at an offset as a reader would look for it.
function nameOf(text, at) {
  if (at >= text.length) return 'the end of the text';
  const char = String.fromCodePoint(text.codePointAt(at));
  if (char === '\n' || char === '\r') return 'a line break';
  if (char === '\t') return 'a tab';
  if (char === "'") return `"'"`;
  if (/[\p{C}\p{Z}]/u.test(char) && char !== ' ') {
    return `the invisible character U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return `'${char}'`;
}

function kindOf(token) {
  if (token === '') return '?'; // no token at all
  return /[-\dtfn]/.test(token[0]) ? 'v' : token[0];
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function skipSpace(text, at) {
  return at + match(SPACE, text, at).length;
}
