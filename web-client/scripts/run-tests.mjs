// SPDX-License-Identifier: Apache-2.0
// run-tests — bundles test/*.test.ts with esbuild (it comes with Vite) and hands them to Node's own runner.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const files = (await readdir(path.join(root, 'test'))).filter((name) => name.endsWith('.test.ts'));
// Inside the project, so that bundles find the packages they import.
const out = await mkdtemp(path.join(root, 'node_modules/.tests-'));
try {
  await build({
    entryPoints: files.map((name) => path.join(root, 'test', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    packages: 'external',
    sourcemap: 'inline',
    define: { 'import.meta.dirname': JSON.stringify(path.join(root, 'test')) },
    external: ['*/generate-types.mjs'],
  });
  const bundles = files.map((name) => path.join(out, name.replace(/\.ts$/, '.mjs')));
  const runner = spawn(process.execPath, ['--test', ...bundles], { stdio: 'inherit', cwd: root });
  process.exitCode = await new Promise((resolve) => runner.on('exit', (code) => resolve(code ?? 1)));
} finally {
  await rm(out, { recursive: true, force: true });
}
