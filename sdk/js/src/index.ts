export { Patchbay } from './client.js';
export { PatchbayError, type ErrorCode, type FieldError } from './errors.js';
export type { CallOptions, ClientOptions, PostOptions, UpdateOptions } from './transport.js';
export type * from './types.js';
export { verifyWebhook, type WebhookEvent, type WebhookEventType, type WebhookHeaders } from './webhooks.js';
