// Shortens what every page of the dashboard already does without script: copying, connecting in a window of its own,
// keeping unsaved text. Each part finds its elements by a data- attribute and leaves pages without them alone.
'use strict';

// announce tells screen readers. The region is emptied first, or the same words twice would be heard once.
function announce(message) {
  const announcer = document.getElementById('announcer');
  if (!announcer) return;
  announcer.textContent = '';
  setTimeout(() => { announcer.textContent = message; }, 50);
}

// relabel shows text on button and gives back what restores the label, icons included.
function relabel(button, text) {
  const label = [...button.childNodes];
  button.replaceChildren(text);
  return () => button.replaceChildren(...label);
}

async function copy(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard API is missing on plain http and may be denied; a selection can be copied all the same.
    const field = document.createElement('textarea');
    field.value = text;
    near.after(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    near.focus();
    return copied;
  }
}

function copyButton(button) {
  let restore, timer;
  button.hidden = false;
  button.addEventListener('click', async () => {
    const outcome = await copy(button.dataset.copyText, button) ? 'Copied' : 'Could not copy';
    announce(outcome);
    restore?.();
    restore = relabel(button, outcome);
    clearTimeout(timer);
    timer = setTimeout(() => { restore(); restore = undefined; }, 2000);
  });
}

const POPUP = 'patchbay-connect'; // name of the window and of the channel its result comes back on

function openPopup() {
  const width = 500, height = 600;
  const left = Math.round(screenX + (outerWidth - width) / 2), top = Math.round(screenY + (outerHeight - height) / 2);
  const popup = open('', POPUP, `popup,width=${width},height=${height},left=${left},top=${top}`);
  popup?.focus();
  return popup;
}

// connectForm sends form into a popup and follows the result's href once the flow for the same pair succeeded. The
// result comes by BroadcastChannel, because a provider's Cross-Origin-Opener-Policy may cut window.opener.
function connectForm(form) {
  const channel = new BroadcastChannel(POPUP);
  let awaited, idle;

  form.addEventListener('submit', ({ submitter }) => {
    const popup = openPopup();
    if (!popup) return; // blocked: the form leaves this page instead
    form.target = POPUP;
    form.elements.display.value = 'popup';
    setTimeout(() => { // when the browser has read the form
      form.removeAttribute('target');
      form.elements.display.value = '';
    });
    awaited = Object.fromEntries(new FormData(form));
    idle?.();
    idle = waitFor(popup, submitter);
  });

  channel.addEventListener('message', ({ data }) => {
    if (!awaited || data.integration !== awaited.integration || data.userId !== awaited.userId) return;
    idle();
    if (data.error) {
      announce(data.error.message); // the popup stays open with it, and may try again
    } else if (data.href && new URL(data.href, location).href !== location.href) {
      location.assign(data.href);
    } else {
      location.reload();
    }
  });
}

// waitFor shows button as busy until popup is closed, or what it gives back is called. It decides nothing else: after
// a Cross-Origin-Opener-Policy change popup.closed is true while the window is open.
function waitFor(popup, button) {
  const waiting = 'Waiting for the provider…';
  const restore = relabel(button, waiting);
  button.setAttribute('aria-busy', 'true');
  announce(waiting);
  const timer = setInterval(() => { if (popup.closed) idle(); }, 500);
  let busy = true;
  function idle() {
    if (!busy) return;
    busy = false;
    clearInterval(timer);
    restore();
    button.removeAttribute('aria-busy');
  }
  return idle;
}

// guard asks before leaving while form differs from what the server has. A text the server refused is on no server.
function guard(form) {
  const text = () => new URLSearchParams(new FormData(form)).toString();
  let saved = form.querySelector('[data-fault-line]') ? undefined : text();
  form.addEventListener('submit', () => { saved = text(); });
  addEventListener('beforeunload', (event) => { if (text() !== saved) event.preventDefault(); });
}

// saveKey lets Ctrl+S and Cmd+S press the first button of the form whose editor has the focus.
function saveKey(event) {
  if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const form = event.target.closest('form:has(textarea[data-editor])');
  if (!form) return;
  event.preventDefault();
  if (!event.repeat) [...form.elements].find((field) => field.type === 'submit' && !field.disabled)?.click();
}

document.querySelectorAll('button[data-copy-text]').forEach(copyButton);
document.querySelectorAll('form[data-connect]').forEach(connectForm);
document.querySelectorAll('form[data-guard], form:has(textarea[data-editor])').forEach(guard);
document.addEventListener('keydown', saveKey);
document.querySelector('[data-focus]')?.focus();
