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

/** What libraries bring and the page never runs: the end of a file's path, or a folder of it, and what stands for it. */
const NEVER_RUN: [path: string, instead: string][] = [
  // Tables for drawing without WebGL, which label maps need anyway: the page asks for WebGL 2 first.
  ['/core/dist/esm/constants/cpuColormaps.js', 'export default {}'],
  // A second way to draw.
  ['/vtk.js/Rendering/WebGPU/Profiles/', 'export {}'],
  // The decoders of the loader's worker, which takes them from other files.
  ['/dicom-image-loader/dist/esm/decodeImageFrameWorker.js', 'export const decodeImageFrame = null, postProcessDecodedPixels = null'],
  ['/dicom-image-loader/dist/esm/shared/decoders/index.js', 'export const decoders = {}, initializers = {}'],
]
const withoutWhatNeverRuns: Plugin = {
  name: 'without-what-never-runs',
  load: (id) => NEVER_RUN.find(([path]) => (path.endsWith('/') ? id.includes(path) : id.endsWith(path)))?.[1] ?? null,
}

export default defineConfig({
  plugins: [react(), withoutWhatNeverRuns],
  resolve: {
    alias: {
      // vtk.js drags in an XML writer that no reader of ours uses (300 kB, and it breaks the build).
      xmlbuilder2: fileURLToPath(new URL('./src/viewer/noXmlBuilder.ts', import.meta.url)),
      'dcmjs-whole': fileURLToPath(new URL('./node_modules/dcmjs/build/dcmjs.es.js', import.meta.url)),
      dcmjs: fileURLToPath(new URL('./src/viewer/dcmjs.ts', import.meta.url)),
      'clipper2-ts/dist': fileURLToPath(new URL('./node_modules/clipper2-ts/dist', import.meta.url)),
      'clipper2-ts': fileURLToPath(new URL('./src/viewer/clipper.ts', import.meta.url)),
      // As the decoding worker names it, and nobody else.
      './shared/getPixelDataTypeFromMinMax.js': fileURLToPath(new URL('./src/viewer/decodedTypes.ts', import.meta.url)),
      'smallest-pixel-type': fileURLToPath(new URL(
        './node_modules/@cornerstonejs/dicom-image-loader/dist/esm/shared/getPixelDataTypeFromMinMax.js', import.meta.url)),
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
