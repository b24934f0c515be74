import { diagnosticCount, forceLinting, forEachDiagnostic, linter, lintGutter } from '@codemirror/lint';
import { EditorView, showPanel } from '@codemirror/view';
import { Fault, tokenize } from './json.js';

// faults marks the first fault of the text and names it in a line below. refusal is why the server refused the text as
// loaded, if it did: it knows more than the grammar. Its message may be missing.
export function faults(refusal) {
  const silent = { tooltipFilter: () => [] }; // a message should not have to be found with the pointer
  return [
    linter(({ state: { doc } }) => {
      const text = doc.toString();
      const fault = refusal?.message && refusal.text === text ? refusal : faultOf(text);
      return fault ? [diagnostic(text, fault)] : [];
    }, { delay: 300, ...silent }),
    lintGutter(silent),
    showPanel.of(statusLine),
    EditorView.contentAttributes.of(({ state }) => ({ 'aria-invalid': String(diagnosticCount(state) > 0) })),
  ];
}

// goTo moves the caret and the focus to a fault, and names it without the delay for typing.
export function goTo(view, at) {
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
  view.focus();
  forceLinting(view);
}

function faultOf(text) {
  try {
    tokenize(text);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

// diagnostic covers the character at fault, or the place between two where the line ends.
function diagnostic(text, { at, message }) {
  const [character = ''] = /^.?/u.exec(text.slice(at, at + 2));
  return { from: at, to: at + character.length, severity: 'error', message };
}

// statusLine is a button that leads to the fault it names.
function statusLine(view) {
  const dom = document.createElement('button');
  let at;
  function update() {
    let message;
    forEachDiagnostic(view.state, (fault, from) => { [message, at] = [fault.message, from]; });
    dom.textContent = message ?? 'Valid JSON';
    dom.disabled = !message;
  }
  dom.type = 'button';
  dom.className = 'cm-status';
  dom.addEventListener('click', () => goTo(view, at));
  update();
  return { dom, update };
}
