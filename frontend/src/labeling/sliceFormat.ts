/** PURE. One painted slice as bytes (annotation/imaging/masks.py) and packs of them on the wire. */

const MAGIC = 'FRMASK01'
const PACK_MAGIC = 'FRPACK01'
const HEADER = MAGIC.length + 12
const SHA_BYTES = 32
const MAX_VOXELS = 2_000_000_000

/** Bytes over memory of their own, as the browser's interfaces want them. */
export type Bytes = Uint8Array<ArrayBuffer>

export interface Slice {
  rows: number
  columns: number
  labels: Bytes
}

/** The bytes of a slice of labels, row by row. */
export async function encodeSlice({ rows, columns, labels }: Slice): Promise<Bytes> {
  if (labels.length !== rows * columns) {
    throw new Error(`${labels.length} labels do not fill ${rows} rows of ${columns}`)
  }
  const body = await through(new CompressionStream('deflate'), labels)
  const bytes = new Uint8Array(HEADER + body.length)
  bytes.set(ascii(MAGIC))
  const header = new DataView(bytes.buffer)
  for (const [i, size] of [1, rows, columns].entries()) header.setUint32(8 + 4 * i, size, true)
  bytes.set(body, HEADER)
  return bytes
}

export interface Volume extends Slice {
  planes: number
}

/** The slice in the bytes; throws where they are damaged. */
export async function decodeSlice(bytes: Uint8Array): Promise<Slice> {
  const { planes, ...slice } = await decodeVolume(bytes)
  if (planes !== 1) throw new Error('no single slice')
  return slice
}

/** All slices in the bytes, one after the other; throws where they are damaged. */
export async function decodeVolume(bytes: Uint8Array): Promise<Volume> {
  if (!startsWith(bytes, MAGIC) || bytes.length < HEADER) throw new Error('no label map header')
  const header = new DataView(bytes.buffer, bytes.byteOffset)
  const [planes, rows, columns] = [8, 12, 16].map((at) => header.getUint32(at, true)) as
    [number, number, number]
  if (planes * rows * columns > MAX_VOXELS) throw new Error('no map of labels is so large')
  const labels = await through(new DecompressionStream('deflate'), bytes.slice(HEADER))
  if (labels.length !== planes * rows * columns) throw new Error('the slices have another size than they say')
  return { planes, rows, columns, labels }
}

/** The SHA-256 under which bytes are stored. */
export async function address(bytes: Bytes): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** Slices by their SHA-256 as one body. */
export function pack(slices: ReadonlyMap<string, Bytes>): Bytes {
  const size = [...slices.values()].reduce((sum, b) => sum + SHA_BYTES + 4 + b.length, 8)
  const body = new Uint8Array(size)
  const view = new DataView(body.buffer)
  body.set(ascii(PACK_MAGIC))
  let at = PACK_MAGIC.length
  for (const [sha256, bytes] of slices) {
    body.set(fromHex(sha256), at)
    view.setUint32(at + SHA_BYTES, bytes.length, true)
    body.set(bytes, at + SHA_BYTES + 4)
    at += SHA_BYTES + 4 + bytes.length
  }
  return body
}

export function unpack(body: Bytes): Map<string, Bytes> {
  if (!startsWith(body, PACK_MAGIC)) throw new Error('no pack of slices')
  const view = new DataView(body.buffer, body.byteOffset)
  const slices = new Map<string, Bytes>()
  let at = PACK_MAGIC.length
  while (at < body.length) {
    if (at + SHA_BYTES + 4 > body.length) throw new Error('the pack is cut off')
    const length = view.getUint32(at + SHA_BYTES, true)
    const start = at + SHA_BYTES + 4
    if (start + length > body.length) throw new Error('the pack is cut off')
    slices.set(toHex(body.subarray(at, at + SHA_BYTES)), body.slice(start, start + length))
    at = start + length
  }
  return slices
}

async function through(
  stream: CompressionStream | DecompressionStream, bytes: Bytes,
): Promise<Bytes> {
  const body = new Blob([bytes]).stream().pipeThrough(stream)
  return new Uint8Array(await new Response(body).arrayBuffer())
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  return ascii(magic).every((byte, i) => bytes[i] === byte)
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
