/**
 * Checks the public root of a Patchbay server and gives it without a slash at its end. A mistake in it is the
 * programmer's, so that it is thrown at once instead of rejected later.
 */
export function parseRoot(host: string): string {
  let url: URL;
  try {
    url = new URL(host);
  } catch {
    throw new TypeError(`Patchbay: host must be the address of the server, such as "https://patchbay.example.com", not ${JSON.stringify(host)}`);
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw new TypeError(`Patchbay: host must begin with https:// or http://, not ${url.protocol}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new TypeError('Patchbay: host must be an address alone, without user, password, query or fragment');
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}
