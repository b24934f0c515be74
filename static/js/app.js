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
    idle = waitFor(popup, form, submitter);
  });

  channel.addEventListener('message', ({ data }) => {
    if (!awaited || data.integration !== awaited.integration || data.userId !== awaited.userId) return;
    idle();
    if (data.error) {
      note(form, data.error.message, 'alert'); // the popup stays open with it, and may try again
    } else if (data.href && new URL(data.href, location).href !== location.href) {
      location.assign(data.href);
    } else {
      location.reload();
    }
  });
}

// note shows a message below the button of form, in place of the last one.
function note(form, message, role = '') {
  form.querySelector('.connect-note')?.remove();
  const line = document.createElement('p');
  line.className = 'connect-note';
  if (role) line.setAttribute('role', role);
  line.textContent = message;
  form.append(line);
  return line;
}

// waitFor shows that the outcome in popup is awaited until popup is closed, or what it gives back is called. It decides
// nothing else: after a Cross-Origin-Opener-Policy change popup.closed is true while the window is open.
function waitFor(popup, form, button) {
  const waiting = note(form, 'Waiting for the other window…');
  announce(waiting.textContent);
  button.setAttribute('aria-busy', 'true');
  const timer = setInterval(() => { if (popup.closed) idle(); }, 500);
  function idle() {
    clearInterval(timer);
    waiting.remove();
    announce('');
    button.removeAttribute('aria-busy');
  }
  return idle;
}

function closeButton(button) {
  button.hidden = false;
  button.addEventListener('click', () => close());
}

// guard asks before leaving while form differs from what the server has.
function guard(form) {
  const text = () => new URLSearchParams(new FormData(form)).toString();
  let saved = 'unsaved' in form.dataset ? undefined : text();
  form.addEventListener('submit', () => { saved = text(); });
  document.querySelector('a[data-discard]')?.addEventListener('click', ({ ctrlKey, metaKey, shiftKey }) => {
    if (!ctrlKey && !metaKey && !shiftKey) saved = text(); // with those keys it opens beside this page
  });
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
document.querySelectorAll('button[data-close]').forEach(closeButton);
document.querySelectorAll('form:has(textarea[data-editor])').forEach(guard);
document.addEventListener('keydown', saveKey);
document.querySelector('[data-focus]')?.focus();
