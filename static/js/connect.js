// The last page of a connect flow in a window of its own: tells the pages that wait for the result, and closes.
'use strict';

{
  const result = document.querySelector('main[data-connect-result]').dataset;
  const { event: eventType, integration, userId, href } = result;
  const error = result.errorType ? { type: result.errorType, message: result.errorMessage } : undefined;

  if (result.popup === 'true') {
    new BroadcastChannel('patchbay-connect').postMessage({ eventType, integration, userId, href, error });
    // A failure stays, to be read. The delay lets the message leave first.
    if (!error) setTimeout(close, 100);
  }
}
