import { PatchbayError } from './errors.js';

/** What a query may hold; undefined leaves the parameter out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** Checks a value that a call cannot do without, so that a missing one never widens what is asked for. */
export function text(field: string, value: string): string {
  if (typeof value !== 'string' || value === '') {
    throw refused(field, `must be a string that is not empty, not ${typeof value === 'string' ? '""' : typeof value}`);
  }
  return value;
}

/** Encodes a value for a path. */
export function segment(field: string, value: string): string {
  if (text(field, value) === '.' || value === '..') {
    // WHATWG URL §4.4 removes such segments, also when they are percent-encoded, and with them the name of what is meant.
    throw refused(field, `must not be "${value}": no address can hold it`);
  }
  return encode(field, value);
}

/** Writes a query string with its question mark, or "" without parameters. */
export function queryString(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${encode(name, String(value))}`);
  return pairs.length ? `?${pairs.join('&')}` : '';
}

function encode(field: string, value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    throw refused(field, 'must be well-formed Unicode, without half a surrogate pair');
  }
}

function refused(field: string, message: string): PatchbayError {
  const code = field === 'userId' ? 'invalid_user_id' : 'invalid_parameter';
  return new PatchbayError(code, `${field} ${message}`, { fields: [{ field, message }] });
}
