// Builds dist/, the npm package, as ECMAScript modules and as CommonJS with types for each, and the browser bundle that
// the server offers at /static/connect.js.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const bundle = '../../static/connect.js';

rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc'], { stdio: 'inherit' });
rmSync('dist/esm/frontend/bundle.d.ts');
cpSync('dist/esm', 'dist/cjs', { recursive: true }); // the types are those of either, by the package.json beside them

for (const [format, type] of [['esm', 'module'], ['cjs', 'commonjs']]) {
  await build({
    entryPoints: ['src/index.ts', 'src/frontend/index.ts'],
    outdir: `dist/${format}`,
    bundle: true,
    format,
    platform: 'neutral',
    target: 'es2022',
    charset: 'utf8',
  });
  writeFileSync(`dist/${format}/package.json`, `${JSON.stringify({ type, sideEffects: false })}\n`);
}
copyFileSync('../../LICENSE', 'dist/LICENSE');

await build({
  entryPoints: ['src/frontend/bundle.ts'],
  outfile: bundle,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  banner: { js: '/*! Patchbay in the browser, Apache-2.0, https://github.com/patchbay/patchbay */' },
});
console.log(`static/connect.js: ${gzipSync(readFileSync(bundle), { level: 9 }).length} bytes compressed`);
