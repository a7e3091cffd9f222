// SPDX-License-Identifier: Apache-2.0
/** What kind of screen this is; the same limits as in the style sheets. */
import { MediaQuery } from 'svelte/reactivity';

/** A phone held upright. */
export const narrow = new MediaQuery('width < 700px');
/** A phone on its side. */
export const short = new MediaQuery('height < 480px');
