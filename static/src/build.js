// Bundles editor.js into ../js/editor.js, and appends the licences of the packages in it, as they ask for.
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';

const options = {
  entryPoints: ['editor.js'],
  outfile: '../js/editor.js',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  metafile: true,
};

const { metafile } = await build({ ...options, write: false });
const packages = new Set(Object.keys(metafile.inputs).map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]));
packages.delete(undefined);

const licences = new Map(); // names by the text they share
for (const name of [...packages].sort()) {
  const text = readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim();
  licences.set(text, [...(licences.get(text) ?? []), name]);
}
const notice = [...licences].map(([text, names]) => `${names.join(', ')}\n\n${text}`).join('\n\n');
await build({ ...options, footer: { js: `/*\n${notice}\n*/` } });
