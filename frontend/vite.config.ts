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

/** vtk.js brings a second way to draw, which the viewer never takes: it asks for WebGL 2. */
const withoutWebGpu: Plugin = {
  name: 'without-webgpu',
  load: (id) => (id.includes('/vtk.js/Rendering/WebGPU/Profiles/') ? 'export {}' : null),
}

/** The loader offers its worker's decoders to the page, too, which never decodes. The worker takes other files. */
const decodersInTheWorkerOnly: Plugin = {
  name: 'decoders-in-the-worker-only',
  load: (id) => Object.entries(OF_THE_WORKER).find(([file]) => id.endsWith(`/dicom-image-loader/dist/esm/${file}`))?.[1] ?? null,
}
const OF_THE_WORKER = {
  'decodeImageFrameWorker.js': 'export const decodeImageFrame = null, postProcessDecodedPixels = null',
  'shared/decoders/index.js': 'export const decoders = {}, initializers = {}',
}

export default defineConfig({
  plugins: [react(), withoutCpuColours, withoutWebGpu, decodersInTheWorkerOnly],
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
