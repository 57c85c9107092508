import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { themeCss } from './src/theme/css.ts';

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

export default defineConfig({
  plugins: [react(), themeSheet()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': process.env.TENURE_ADDRESS ?? 'http://127.0.0.1:8080' } },
  test: { include: ['src/**/*.test.ts'] },
});
