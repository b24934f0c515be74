import type { Target } from './flow.js';

const WIDTH = 500;
const HEIGHT = 600;

/** Opens the flow in a window centred over this one, or gives null where the browser does not allow it. */
export function openPopup(target: Target, ref: string): Window | null {
  const left = Math.round(screenX + (outerWidth - WIDTH) / 2);
  const top = Math.round(screenY + (outerHeight - HEIGHT) / 2);
  const url = flowURL(target, { display: 'popup', origin: location.origin, ref });
  const popup = open(url, '_blank', `popup,width=${WIDTH},height=${HEIGHT},left=${left},top=${top}`);
  return popup && !popup.closed ? popup : null;
}

/** Sends this window through the flow. */
export function sendAway(target: Target, ref: string, returnUrl?: string): void {
  location.assign(flowURL(target, { ref, ...(returnUrl && { returnUrl }) }));
}

function flowURL({ root, token, integration }: Target, parameters: Record<string, string>): string {
  return `${root}/connect/${encodeURIComponent(token)}?${new URLSearchParams({ integration, ...parameters })}`;
}
