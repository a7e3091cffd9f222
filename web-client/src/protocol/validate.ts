// SPDX-License-Identifier: Apache-2.0
/**
 * Reads one message of the server. The server is ours, but a proxy, an older
 * tab or a newer server is not: what does not fit the schema is refused here and
 * never reaches the state. The schema itself is the table.
 */
import schema from '../../../signaling/protocol.schema.json' with { type: 'json' };
import type { ServerMessage } from './types.ts';

type Schema = {
  $ref?: string; type?: string; const?: unknown; enum?: unknown[]; oneOf?: Schema[]; properties?: Record<string, Schema>;
  required?: string[]; items?: Schema; pattern?: string; minimum?: number; maximum?: number; minLength?: number;
};

const defs = schema.$defs as unknown as Record<string, Schema>;
const byType = new Map<string, Schema>();
for (const branch of defs['ServerMessage']!.oneOf!) {
  const definition = resolve(branch);
  byType.set(String(definition.properties!['type']!.const), definition);
}

const errorCodes = defs['ErrorCode']!.enum!;
const patterns = new Map<string, RegExp>();

function resolve(s: Schema): Schema {
  return s.$ref ? resolve(defs[s.$ref.slice('#/$defs/'.length)]!) : s;
}

function matches(pattern: string, value: string): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled) patterns.set(pattern, (compiled = new RegExp(pattern)));
  return compiled.test(value);
}

/** Fields that this client does not know are let pass: a newer server may send them. */
function fits(raw: Schema, value: unknown): boolean {
  const s = resolve(raw);
  if (s.oneOf) return s.oneOf.some((branch) => fits(branch, value));
  if ('const' in s) return value === s.const;
  if (s.enum) return s.enum.includes(value);
  switch (s.type) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string' && (!s.pattern || matches(s.pattern, value)) && value.length >= (s.minLength ?? 0);
    case 'integer':
    case 'number':
      return typeof value === 'number' && (s.type === 'number' || Number.isInteger(value)) &&
        value >= (s.minimum ?? -Infinity) && value <= (s.maximum ?? Infinity);
    case 'array':
      return Array.isArray(value) && value.every((item) => fits(s.items!, item));
    case 'object':
      return typeof value === 'object' && value !== null && fitsObject(s, value as Record<string, unknown>);
    default:
      return false;
  }
}

function fitsObject(s: Schema, value: Record<string, unknown>): boolean {
  if (!(s.required ?? []).every((key) => key in value)) return false;
  return Object.entries(s.properties ?? {}).every(([key, property]) => !(key in value) || fits(property, value[key]));
}

/** null: not a message this client can use. */
export function readServerMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const message = value as { type?: unknown; code?: unknown };
  if (message.type === 'error' && typeof message.code === 'string' && !errorCodes.includes(message.code))
    message.code = 'internal'; // a newer server's word: still the answer to somebody's request
  const definition = byType.get(String(message.type));
  return definition && fits(definition, value) ? (value as ServerMessage) : null;
}
