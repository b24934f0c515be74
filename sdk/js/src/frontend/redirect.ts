import { ConnectError, type ConnectResult } from './error.js';

const PREFIX = 'patchbay_';

/**
 * Reads how a flow without popup ended from this page's address, and takes it out of there: gives null when the page
 * was not reached by such a flow, throws a {@link ConnectError} when it failed. Anyone can make up an address: show
 * the result, and let your backend ask the server before it counts on it.
 */
export function redirectResult(): ConnectResult | null {
  const url = new URL(location.href);
  const take = (name: string) => {
    const value = url.searchParams.get(PREFIX + name) ?? '';
    url.searchParams.delete(PREFIX + name);
    return value;
  };
  const status = take('status');
  if (!status) {
    return null;
  }
  const integrationName = take('integration');
  const userId = take('user_id');
  const type = take('error') || 'authorization_cancelled';
  const message = take('message') || 'The authorization was cancelled.';
  const claim = take('claim');
  take('ref');
  history.replaceState(history.state, '', url);
  if (status !== 'succeeded') {
    throw new ConnectError(integrationName, userId, { type, message });
  }
  return { integrationName, userId, ...(claim && { claim }) };
}
