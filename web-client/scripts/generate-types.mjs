// SPDX-License-Identifier: Apache-2.0
// generate-types [--check] — writes src/protocol/types.ts from the protocol's schema, or fails when it is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

const here = path.dirname(fileURLToPath(import.meta.url));
const schemaFile = path.resolve(here, '../../signaling/protocol.schema.json');
const typesFile = path.resolve(here, '../src/protocol/types.ts');

export async function generateTypes() {
  const schema = JSON.parse(await readFile(schemaFile, 'utf8'));
  // The compiler knows `definitions`; array bounds would become tuples of every length.
  const text = JSON.stringify(schema).replaceAll('#/$defs/', '#/definitions/');
  const { $defs: definitions, $schema: _dialect, ...rest } = JSON.parse(text);
  return compile({ ...rest, definitions }, 'Protocol', {
    bannerComment: '// SPDX-License-Identifier: Apache-2.0\n// Made by `npm run generate` from signaling/protocol.schema.json. Do not edit.',
    ignoreMinAndMaxItems: true,
    additionalProperties: false,
    style: { singleQuote: true, printWidth: 120 },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await generateTypes();
  if (process.argv.includes('--check')) {
    if (text !== (await readFile(typesFile, 'utf8'))) {
      console.error('src/protocol/types.ts is out of date: npm run generate');
      process.exit(1);
    }
  } else {
    await writeFile(typesFile, text);
  }
}
