import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const codecs = [
  'codec-charls/decodewasmjs',
  'codec-libjpeg-turbo-8bit/decodewasmjs',
  'codec-libjxl/decodewasmjs',
  'codec-openjpeg/decodewasmjs',
  'codec-openjph/wasmjs',
].map((name) => `@cornerstonejs/${name}`)

/** Tables for drawing without WebGL, which label maps need anyway: the page asks for WebGL 2 first. */
const withoutCpuColours: Plugin = {
  name: 'without-cpu-colours',
  load: (id) => (id.endsWith('/core/dist/esm/constants/cpuColormaps.js') ? 'export default {}' : null),
}

export default defineConfig({
  plugins: [react(), withoutCpuColours],
  resolve: {
    alias: {
      // vtk.js drags in an XML writer that no reader of ours uses (300 kB, and it breaks the build).
      xmlbuilder2: fileURLToPath(new URL('./src/viewer/noXmlBuilder.ts', import.meta.url)),
      'dcmjs-whole': fileURLToPath(new URL('./node_modules/dcmjs/build/dcmjs.es.js', import.meta.url)),
      dcmjs: fileURLToPath(new URL('./src/viewer/dcmjs.ts', import.meta.url)),
      'clipper2-ts/dist': fileURLToPath(new URL('./node_modules/clipper2-ts/dist', import.meta.url)),
      'clipper2-ts': fileURLToPath(new URL('./src/viewer/clipper.ts', import.meta.url)),
    },
  },
  // Without these the decoding worker dies silently under the development server.
  optimizeDeps: { exclude: ['@cornerstonejs/dicom-image-loader'], include: ['dicom-parser', ...codecs] },
  worker: { format: 'es' },
  build: { chunkSizeWarningLimit: 5000, target: 'es2022' },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8000',
      '/dicomweb': 'http://127.0.0.1:8000',
      '/_allauth': 'http://127.0.0.1:8000',
    },
  },
})
