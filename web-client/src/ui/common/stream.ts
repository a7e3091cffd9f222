// SPDX-License-Identifier: Apache-2.0
import type { Attachment } from 'svelte/attachments';

/** Shows a stream in a video or audio element. */
export function stream(source: MediaStream | null): Attachment<HTMLMediaElement> {
  return (element) => {
    if (element.srcObject !== source) element.srcObject = source;
    return () => {
      element.srcObject = null;
    };
  };
}
