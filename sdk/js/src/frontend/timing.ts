/** Every duration of the connect flow, in milliseconds. */

/** Between two looks at the popup and the connect session. */
export const POLL_MS = 1000;

/** How long one look may take, and the longest pause while the server cannot be reached. */
export const POLL_TIMEOUT_MS = 10_000;
export const LONGEST_PAUSE_MS = 8000;

/** How long the server may be out of reach once the popup is gone. */
export const UNREACHABLE_MS = 30_000;

/** No connect session lives longer; the bound while its real end is not known. */
export const LONGEST_SESSION_MS = 24 * 60 * 60 * 1000;

/**
 * How long a window that cannot be seen any more is waited for, by where its attempt stands, while this window has the
 * focus. A popup that a provider's Cross-Origin-Opener-Policy cut off looks closed; while it has the focus, we have not.
 */
export const PATIENCE_MS = {
  /** The popup showed our own page only, so it is closed. */
  none: 0,
  /** This window itself is being sent away, or came back. */
  redirected: 10_000,
  started: 10_000,
  pending: 10_000,
  /** The server is fetching the tokens, whatever became of the popup. */
  consumed: 30_000,
};
