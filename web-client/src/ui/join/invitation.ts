// SPDX-License-Identifier: Apache-2.0
/** Finds an invitation to this server in what somebody pasted: the link alone, or a whole message around it. Pure. */

/** Path and fragment of the link, or null: none there, or one of another server. */
export function invitationIn(text: string, host: string): string | null {
  const found = /(?:(?:https?:\/\/)?([^\s/]+))?(\/m\/[\w-]+)(#t=[^\s#"'<>()]+)/i.exec(text);
  if (!found) return null;
  const [, where, path, fragment] = found;
  return where === undefined || where.toLowerCase() === host.toLowerCase() ? `${path}${fragment}` : null;
}
