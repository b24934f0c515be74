import type { ConnectFault } from './error.js';
import { POLL_TIMEOUT_MS } from './timing.js';

/** What the server tells the browser about a connect session. */
export interface SessionState {
  userId: string;
  expiresAt: string;
  /** The attempt that is asked for; null before the user continued to the provider. */
  attempt: { status: 'started' | 'consumed' | 'pending' | 'succeeded' | 'failed'; error: ConnectFault | null } | null;
}

/** Asks how the attempt `ref` stands: 'unreachable' for anything that may pass, 'ended' when the token is not or no longer good. */
export async function readSession(root: string, token: string, ref: string): Promise<SessionState | 'unreachable' | 'ended'> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), POLL_TIMEOUT_MS);
  try {
    const response = await fetch(`${root}/api/v1/connect-sessions/self?ref=${ref}`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
      credentials: 'omit',
      signal: limit.signal,
    });
    if (response.status === 401) {
      return 'ended';
    }
    return response.ok ? ((await response.json()) as SessionState) : 'unreachable';
  } catch {
    return 'unreachable';
  } finally {
    clearTimeout(timer);
  }
}
