import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

// The colours are the page's custom properties, which reach into the shadow root and follow light and dark.
const highlight = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--info)' },
  { tag: tags.string, color: 'var(--ok)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
  { tag: [tags.punctuation, tags.separator], color: 'var(--muted)' },
]);

// theme gives the editor the type of the textarea it stands for.
export function theme(textarea) {
  const { fontFamily, fontSize } = getComputedStyle(textarea);
  const lines = (count) => `calc(${count} * 1.5em + 16px)`;
  return [syntaxHighlighting(highlight), EditorView.theme({
    '&': {
      background: 'var(--surface)', color: 'var(--text)', fontSize,
      border: '1px solid var(--control)', borderRadius: 'var(--radius)', overflow: 'clip',
    },
    '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '1px' },
    '.cm-scroller': { fontFamily, lineHeight: 1.5, maxHeight: lines(32) },
    '.cm-content': { minHeight: lines(8), padding: '8px 0', caretColor: 'var(--text)' },
    '.cm-gutters': { minHeight: lines(8), background: 'none', color: 'var(--muted)', border: 'none' },
    '.cm-activeLine, .cm-activeLineGutter': { background: 'none' },
    '&.cm-focused .cm-activeLine, &.cm-focused .cm-activeLineGutter': {
      background: 'color-mix(in oklab, var(--text) 5%, transparent)',
    },
    '&.cm-focused .cm-matchingBracket': { background: 'none', outline: '1px solid var(--muted)' },
    '&.cm-focused .cm-nonmatchingBracket': { background: 'none', outline: '1px solid var(--bad)' },
    '.cm-specialChar': { color: 'var(--bad)' },
    '.cm-panels': { position: 'static', background: 'var(--surface)', color: 'inherit', borderTop: '1px solid var(--line)' },
    '.cm-status': {
      display: 'block', inlineSize: '100%', minBlockSize: '28px', padding: '4px 12px', border: 'none', background: 'none',
      font: 'inherit', textAlign: 'start', overflowWrap: 'anywhere', color: 'var(--bad)', cursor: 'pointer',
    },
    '.cm-status:disabled': { color: 'var(--muted)', cursor: 'default' },
    '@media (forced-colors: active)': { '.cm-status:disabled': { color: 'CanvasText' } },
    '.cm-status:focus-visible': { outline: '2px solid var(--focus)', outlineOffset: '-2px' },
  })];
}
