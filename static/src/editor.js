// Turns textarea[data-editor="json"] into a JSON editor. The textarea remains what the form posts, what its label and
// links lead to, and all there is where this script does not run.
import { defaultKeymap, history, historyKeymap, isolateHistory } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, indentOnInput } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import {
  EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers,
} from '@codemirror/view';
import { faults, goTo } from './faults.js';
import { Fault, offsetOf, reindent } from './json.js';
import { theme } from './theme.js';

for (const textarea of document.querySelectorAll('textarea[data-editor="json"]')) {
  const refusal = refusalOf(textarea);
  let view;
  const show = (at) => (view ? goTo(view, at) : select(textarea, at));
  if (!isReadOnly(textarea)) formatButton(textarea, show);
  try {
    view = mount(textarea, refusal);
  } catch (error) {
    reportError(error); // the textarea does as well
  }
  if (refusal) show(refusal.at);
}

// refusalOf gives the fault for which the server shows the text again, if it does.
function refusalOf({ value, dataset: { faultLine, faultColumn, faultMessage } }) {
  if (!faultLine) return undefined;
  return { text: value, at: offsetOf(value, Number(faultLine), Number(faultColumn)), message: faultMessage };
}

function isReadOnly(textarea) {
  return textarea.readOnly || textarea.matches(':disabled');
}

function select(textarea, at) {
  textarea.focus();
  textarea.setSelectionRange(at, at);
}

// formatButton reindents the text, or shows where that is not possible.
function formatButton(textarea, show) {
  const button = textarea.form?.querySelector('button[data-format]');
  if (!button) return;
  const announce = (message) => document.getElementById('announcer')?.replaceChildren(message);
  button.hidden = false;
  button.addEventListener('click', () => {
    try {
      setText(textarea, reindent(textarea.value));
      announce('Formatted');
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      announce(error.message);
      show(error.at);
    }
  });
}

function setText(textarea, text) {
  if (textarea.value === text) return;
  textarea.value = text;
  textarea.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

// mount puts the editor after textarea, in a shadow root: there its styles need no exception from a strict
// Content-Security-Policy.
function mount(textarea, refusal) {
  const host = document.createElement('div');
  textarea.after(host);
  const root = host.attachShadow({ mode: 'open' });
  const view = new EditorView({
    doc: textarea.value,
    parent: root,
    root,
    extensions: [
      EditorState.readOnly.of(isReadOnly(textarea)),
      EditorState.tabSize.of(2),
      EditorView.contentAttributes.of({ 'aria-label': textarea.labels[0]?.textContent.trim() ?? '' }),
      EditorView.updateListener.of(({ docChanged }) => { if (docChanged) setText(textarea, view.state.doc.toString()); }),
      EditorView.lineWrapping,
      // Tab is left alone: it leads out of the editor (WCAG 2.1.2).
      keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
      json(), bracketMatching(), indentOnInput(), history(), faults(refusal), lineNumbers(),
      highlightActiveLine(), highlightActiveLineGutter(), highlightSpecialChars(), theme(textarea),
    ],
  });
  view.contentDOM.ariaDescribedByElements = textarea.ariaDescribedByElements;
  // Out of sight, but there to be focused. Without contentVisibility every key would lay out a long text twice.
  Object.assign(textarea.style, {
    position: 'absolute', inlineSize: '1px', blockSize: '1px', clipPath: 'inset(50%)', contentVisibility: 'hidden',
  });
  textarea.ariaHidden = 'true';
  textarea.tabIndex = -1;
  textarea.addEventListener('focus', () => view.focus());
  textarea.addEventListener('input', () => pull(view, textarea));
  textarea.form?.addEventListener('reset', () => setTimeout(() => pull(view, textarea)));
  return view;
}

// pull brings a text into the editor that came about in the textarea: by formatting, a reset, a browser extension.
function pull(view, textarea) {
  const { state: { doc } } = view;
  if (doc.toString() !== textarea.value) {
    view.dispatch({
      changes: { from: 0, to: doc.length, insert: textarea.value }, annotations: isolateHistory.of('full'), // one undo
    });
  }
}
