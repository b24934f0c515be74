/** Types of the errors that a connect flow ends in. A newer server may know more. */
export type ConnectErrorType =
  | 'authorization_cancelled' | 'popup_blocked' | 'network_error' | 'invalid_connect_session'
  | 'missing_user_id' | 'missing_integration' | 'unknown_integration' | 'invalid_integration_configuration'
  | 'unsupported_grant_type' | 'unsupported_auth_mode' | 'oauth1_request_token' | 'invalid_state_callback'
  | 'external_callback_error' | 'unknown_external_callback_error' | 'token_retrieval_error'
  | 'access_token_retrieval_error' | 'token_storage_error'
  | (string & {});

/** How a connect flow failed, in words that a user can read. */
export interface ConnectFault {
  type: ConnectErrorType;
  message: string;
}

/** What every promise of `connect` rejects with. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';

  constructor(
    readonly integrationName: string,
    readonly userId: string,
    readonly error: ConnectFault,
    cause?: unknown,
  ) {
    super(error.message, cause === undefined ? undefined : { cause });
  }
}

/** The end of a connect flow that went well. */
export interface ConnectResult {
  integrationName: string;
  userId: string;
  /** With `confirm`: for your backend to redeem, once, for the user who is signed in there. */
  claim?: string;
}
