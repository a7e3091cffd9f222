// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte({ compilerOptions: { runes: true } })],
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the Content-Security-Policy has no data: outside of images
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The meeting, the page that plays a recording and the viewers' page: each loads its own.
    rollupOptions: { input: ['index.html', 'replay.html', 'watch.html'] },
  },
});
