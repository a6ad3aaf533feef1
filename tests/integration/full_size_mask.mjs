/** Paints, saves, changes and reloads a series of 512 x 512 x 300 with the page's own store, against a real server:
 * what tests/integration/test_mask_transport.py runs. Prints how many slices were sent, and whether all came back. */
import { createServer } from 'vite'

const [address, annotation, token, series, instance] = process.argv.slice(2)
const [rows, columns, count] = [512, 512, 300]
const target = { layer: 0, series_instance_uid: series, rows, columns }

async function send(method, path, type, body, headers = {}) {
  const all = { Authorization: `Token ${token}`, ...(type && { 'Content-Type': type }), ...headers }
  const response = await fetch(`${address}/api/v1/annotations/${annotation}/${path}`, { method, headers: all, body })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}

const server = {
  uploadMasks: (pack) => send('POST', 'masks', 'application/octet-stream', pack),
  loadMasks: async (layer) => new Uint8Array(await (await send('GET', `masks?layer=${layer}`)).arrayBuffer()),
}

/** Tiles of three labels that move from slice to slice, which its number in bits makes like no other; `shift` is a
 * hand's change. */
function labelsOf(z, shift = 0) {
  return Uint8Array.from({ length: rows * columns }, (_, i) =>
    i < 9 ? (z >> i) & 1 : (((i % columns) >> 4) + (i >> 13) + z + shift) % 3)
}

const vite = await createServer({ configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, hmr: false, ws: false }, optimizeDeps: { noDiscovery: true } })
const { MaskStore } = await vite.ssrLoadModule('/src/labeling/maskStore.ts')
const { paint } = await vite.ssrLoadModule('/src/labeling/edits.ts')

const store = new MaskStore(server)
const expected = new Map(Array.from({ length: count }, (_, z) => [`${instance}:${z + 1}`, labelsOf(z)]))
let content = { answers: {} }
let version = 1

async function save(slices) {
  const hashes = await store.store({ ...target, series: target.series_instance_uid, slices })
  content = paint(target, hashes)(content)
  await store.upload(content)
  const saved = await send('PUT', 'draft', 'application/json', JSON.stringify({ content }), { 'If-Match': `"${version}"` })
  ;({ version, content } = await saved.json())
  store.acknowledge(content)
  return store.uploaded
}

const whole = await save(expected)
const stroke = new Map([5, 6].map((z) => [`${instance}:${z + 1}`, labelsOf(z, 1)]))
for (const [place, labels] of stroke) expected.set(place, labels)
const delta = (await save(stroke)) - whole

const reopened = new MaskStore(server)
reopened.load(content)
let same = 0
for (const [place, sha256] of Object.entries(content.masks[0].slices)) {
  same += Buffer.compare(await reopened.read(sha256), expected.get(place)) === 0 ? 1 : 0
}
await vite.close()
console.log(JSON.stringify({ whole, delta, same }))
