// The last page of a connect flow in a window of its own: tells the pages that wait for the result, and closes.
'use strict';

{
  const result = document.querySelector('main[data-connect-result]').dataset;
  const { event: eventType, integration, userId, href, origin, ref, claim } = result;
  const error = result.errorType ? { type: result.errorType, message: result.errorMessage } : undefined;

  if (result.popup === 'true') {
    if (origin) {
      // Browsers deliver it to a page of this origin only, whoever opened the window.
      opener?.postMessage({ eventType, integrationName: integration, userId, ref, claim: claim || undefined, error }, origin);
    } else {
      new BroadcastChannel('patchbay-connect').postMessage({ eventType, integration, userId, href, error });
    }
    if (claim && !opener) {
      location.replace(href); // a provider's page cut the opener off: the claim reaches the application by this way
    } else if (!error) {
      setTimeout(close, 100); // A failure stays, to be read. The delay lets the message leave first.
    }
  }
}
