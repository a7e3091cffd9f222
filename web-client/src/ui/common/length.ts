// SPDX-License-Identifier: Apache-2.0
/** How long something lasts: "1:02:03", "4:05". */
export function length(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number): string => String(n % 60).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${two(seconds)}` : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(seconds)}`;
}
