import { readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { themeCss } from './src/theme/css.ts';

const SERVER = process.env.TENURE_ADDRESS ?? 'http://127.0.0.1:8080';

// The page lives under `style-src 'self'`, so Mantine may not inject its variables through a
// <style> element; they are written into the style sheet here, at build time.
function themeSheet(): Plugin {
  const name = 'virtual:tenure-theme.css';
  const resolved = '\0' + name;
  return {
    name: 'tenure-theme',
    resolveId: (id) => (id === name ? resolved : null),
    load: (id) => (id === resolved ? themeCss() : null),
  };
}

// Vite lists the licences of bundled code in licenses.txt; the font is an asset to it.
function fontLicense(): Plugin {
  return {
    name: 'tenure-font-license',
    apply: 'build',
    generateBundle() {
      const file = new URL('node_modules/@fontsource-variable/anuphan/LICENSE', import.meta.url);
      this.emitFile({
        type: 'asset',
        fileName: 'font-license.txt',
        source: readFileSync(file, 'utf8'),
      });
    },
  };
}

export default defineConfig({
  plugins: [react(), themeSheet(), fontLicense()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    sourcemap: false,
    license: { fileName: 'licenses.txt' },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': SERVER, '/signin': SERVER } },
  test: { include: ['src/**/*.test.ts'] },
});
