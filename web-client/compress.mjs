// SPDX-License-Identifier: Apache-2.0
// compress — writes NAME.br and NAME.gz beside every text file of the build; the server sends those.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const build = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../build/web');
const isText = /\.(html|js|css|svg|json|webmanifest|txt)$/;
const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

for (const entry of await readdir(build, { withFileTypes: true, recursive: true })) {
  if (!entry.isFile() || !isText.test(entry.name)) continue;
  const file = path.join(entry.parentPath ?? entry.path, entry.name);
  const text = await readFile(file);
  await writeFile(`${file}.br`, await brotli(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }));
  await writeFile(`${file}.gz`, await gzip(text, { level: 9 }));
}
