// SPDX-License-Identifier: Apache-2.0
/** The same interface as the whole library, without subtitles, alternate sound and encryption. */
declare module 'hls.js/light' {
  import Hls from 'hls.js';
  export default Hls;
}
