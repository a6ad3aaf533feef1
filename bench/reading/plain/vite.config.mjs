// The dependencies are those of frontend/: the driver links its node_modules here.
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

export default {
  root: here('.'),
  base: '/plain/',
  resolve: { alias: { xmlbuilder2: here('../../../frontend/src/viewer/noXmlBuilder.ts') } },
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 5000, emptyOutDir: true },
}
