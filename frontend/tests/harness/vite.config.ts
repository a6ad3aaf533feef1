import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = fileURLToPath(new URL('.', import.meta.url))

export default defineConfig({
  root: here,
  base: './',
  resolve: { alias: { xmlbuilder2: `${here}../../src/viewer/noXmlBuilder.ts` } },
  worker: { format: 'es' },
  build: { chunkSizeWarningLimit: 5000, target: 'es2022', emptyOutDir: true, minify: false },
})
