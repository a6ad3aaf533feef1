/** The painted slices of one annotation by SHA-256: compressed in memory, sent before they are named. */
import { t } from '../i18n'
import type { StrokeOutcome } from '../viewer/masks/strokes'
import type { MaskLayer } from '../viewer/types'
import { drawnMasks, sliceHashes, type Content } from './content'
import type { Segment } from './definition'
import { isTarget } from './edits'
import { fittingSlice } from './fittingSlices'
import { address, decodeSlice, encodeSlice, pack, unpack, type Bytes, type Slice } from './sliceFormat'

/** A pack takes seconds, not minutes, to send and to check. */
const MAX_PACK_BYTES = 8 * 2 ** 20
const MAX_PACK_SLICES = 64
/** So many are compressed beside one another: the browser does it in threads of its own. */
const AT_ONCE = 4
const MAX_IDLE_MS = 10
/** A mask of a whole series takes seconds: what is compressed is kept meanwhile. */
const PART_MS = 500

export interface MaskServer {
  uploadMasks(pack: Bytes): Promise<unknown>
  loadMasks(layer: number): Promise<Bytes>
}

/** What a stroke left on some slices of a series; null where nothing is left. */
export interface MaskChange {
  layer: number
  series: string
  rows: number
  columns: number
  slices: ReadonlyMap<string, Uint8Array | null>
  outcome?: StrokeOutcome
  /** Whether it is a part of the stroke before. */
  isContinued?: boolean
}

/** Places of slices with the hashes of what is on them; null where nothing is left. */
export type Hashes = ReadonlyMap<string, string | null>

export class MaskStore {
  /** How many slices were compressed and how many sent; what deltas are measured by. */
  compressed = 0
  uploaded = 0
  private readonly known = new Map<string, Bytes>()
  private readonly onServer = new Set<string>()
  private saved = new Set<string>()
  /** In which layer the server's draft names a slice that is not here. */
  private readonly layers = new Map<string, number>()
  private readonly loading = new Map<number, Promise<void>>()
  private readonly loaded = new Set<number>()

  constructor(private readonly server: MaskServer) {}

  /** Begin to fetch what the server's draft names. */
  load(content: Content): void {
    this.acknowledge(content)
    const wanted = new Set<number>()
    for (const { layer, slices } of drawnMasks(content)) {
      for (const sha256 of Object.values(slices)) {
        if (this.known.has(sha256)) continue
        this.layers.set(sha256, layer)
        wanted.add(layer)
      }
    }
    // Whoever reads a slice hears of the failure, and tries again; nobody may ever read one.
    for (const layer of wanted) this.loadLayer(layer).catch(() => undefined)
  }

  /** Keep changed slices; resolves to their hashes. A few at a time, while the page is idle, so that the next stroke
   * stays smooth; `onPart` has what came since it was called last. */
  async store({ slices, rows, columns }: MaskChange, onPart: (hashes: Hashes) => void = () => undefined): Promise<Hashes> {
    const hashes = new Map<string, string | null>()
    let part = new Map<string, string | null>()
    let since = performance.now()
    const encode = async ([place, labels]: [string, Uint8Array | null]): Promise<void> => {
      const sha256 = labels && await this.compress({ rows, columns, labels: new Uint8Array(labels) })
      hashes.set(place, sha256)
      part.set(place, sha256)
    }
    for (const group of inGroups([...slices])) {
      if (hashes.size > 0) await idle()
      await Promise.all(group.map(encode))
      if (performance.now() < since + PART_MS) continue
      onPart(part)
      part = new Map()
      since = performance.now()
    }
    if (part.size > 0) onPart(part)
    return hashes
  }

  /** The labels of a slice, row by row. */
  async read(sha256: string): Promise<Uint8Array> {
    return (await decodeSlice(await this.bytesOf(sha256))).labels
  }

  /** Fetch slices that were stored by others and lie on the server. */
  async borrow(masks: readonly MaskLayer[], load: (layer: number) => Promise<Bytes>): Promise<void> {
    const missing = masks.filter(({ slices }) => Object.values(slices).some((sha256) => !this.known.has(sha256)))
    for (const layer of new Set(missing.map((mask) => mask.layer))) {
      for (const [sha256, bytes] of unpack(await load(layer))) {
        this.known.set(sha256, bytes)
        this.onServer.add(sha256)
      }
    }
  }

  /** Masks of others, whose slices were borrowed, with those labels alone that are segments of the read. */
  async fitting(masks: readonly MaskLayer[], segments: readonly Segment[]): Promise<MaskLayer[]> {
    const fitted: MaskLayer[] = []
    for (const mask of masks) {
      const slices: Record<string, string> = {}
      for (const group of inGroups(Object.entries(mask.slices))) {
        const hashes = await Promise.all(group.map(([, sha256]) => this.fittingHash(sha256, mask.layer, segments)))
        for (const [i, [place]] of group.entries()) if (hashes[i]) slices[place] = hashes[i]
      }
      fitted.push({ ...mask, slices })
    }
    return fitted
  }

  /** Proposed masks as they are taken over: where both were painted, what is there stays. */
  async merged(own: readonly MaskLayer[], proposed: readonly MaskLayer[]): Promise<MaskLayer[]> {
    return Promise.all(proposed.map(async (mask) => {
      const known = own.find((one) => isTarget(one, mask))
      const slices = Object.entries(mask.slices).map(async ([place, sha256]) =>
        [place, await this.united(known?.slices[place], sha256, mask)] as const)
      return { ...mask, slices: Object.fromEntries(await Promise.all(slices)) }
    }))
  }

  has(sha256: string): boolean {
    return this.known.has(sha256) || this.saved.has(sha256)
  }

  /** Slices that a crashed page had not saved. */
  restore(slices: ReadonlyMap<string, Bytes>): void {
    for (const [sha256, bytes] of slices) this.known.set(sha256, bytes)
  }

  /** The slices that this content names and no saved draft names yet: only this browser has them. */
  unsaved(content: Content): Map<string, Bytes> {
    return this.choose(content, (sha256) => !this.saved.has(sha256))
  }

  /** Send the slices that a draft is about to name. */
  async upload(content: Content): Promise<void> {
    const missing = this.choose(content, (sha256) => !this.onServer.has(sha256))
    for (const part of inPacks(missing)) {
      await this.server.uploadMasks(pack(part))
      this.uploaded += part.size
      for (const sha256 of part.keys()) this.onServer.add(sha256)
    }
  }

  /** A draft with this content is on the server. */
  acknowledge(content: Content): void {
    this.saved = sliceHashes(content)
    for (const sha256 of this.saved) this.onServer.add(sha256)
  }

  /** The server does not know what we thought it knew: send everything again. */
  doubt(): void {
    this.onServer.clear()
  }

  private choose(content: Content, isWanted: (sha256: string) => boolean): Map<string, Bytes> {
    const chosen = new Map<string, Bytes>()
    for (const sha256 of sliceHashes(content)) {
      const bytes = this.known.get(sha256)
      if (bytes && isWanted(sha256)) chosen.set(sha256, bytes)
    }
    return chosen
  }

  private async united(own: string | undefined, proposed: string, { rows, columns }: MaskLayer): Promise<string> {
    if (own === undefined || own === proposed) return proposed
    const [mine, theirs] = await Promise.all([this.read(own), this.read(proposed)])
    const labels = new Uint8Array(mine.map((label, i) => (label === 0 ? (theirs[i] ?? 0) : label)))
    return this.put(await encodeSlice({ rows, columns, labels }))
  }

  private async fittingHash(sha256: string, layer: number, segments: readonly Segment[]): Promise<string | null> {
    const bytes = await this.bytesOf(sha256)
    const fitting = await fittingSlice(bytes, layer, segments)
    return fitting === bytes ? sha256 : fitting && this.put(fitting)
  }

  private async put(bytes: Bytes): Promise<string> {
    const sha256 = await address(bytes)
    this.known.set(sha256, bytes)
    return sha256
  }

  private async compress(slice: Slice): Promise<string> {
    const bytes = await encodeSlice(slice)
    this.compressed++
    return this.put(bytes)
  }

  private async bytesOf(sha256: string): Promise<Bytes> {
    if (!this.known.has(sha256)) await this.fetched(sha256)
    const bytes = this.known.get(sha256)
    if (!bytes) throw new Error(t('trouble.slice_gone'))
    return bytes
  }

  /** Once its layer is here, which is fetched again where that failed. */
  private async fetched(sha256: string): Promise<void> {
    const layer = this.layers.get(sha256)
    if (layer !== undefined && !this.loaded.has(layer)) await (this.loading.get(layer) ?? this.loadLayer(layer))
  }

  private loadLayer(layer: number): Promise<void> {
    this.loaded.delete(layer)
    const loading = this.server.loadMasks(layer).then((body) => {
      for (const [sha256, bytes] of unpack(body)) this.known.set(sha256, bytes)
      this.loaded.add(layer)
    }).finally(() => {
      if (this.loading.get(layer) === loading) this.loading.delete(layer)
    })
    this.loading.set(layer, loading)
    return loading
  }
}

function inGroups<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / AT_ONCE) }, (_, i) => list.slice(i * AT_ONCE, (i + 1) * AT_ONCE))
}

function inPacks(slices: ReadonlyMap<string, Bytes>): Map<string, Bytes>[] {
  const packs: Map<string, Bytes>[] = []
  let size = Infinity
  for (const [sha256, bytes] of slices) {
    if (size + bytes.length > MAX_PACK_BYTES || packs.at(-1)?.size === MAX_PACK_SLICES) {
      packs.push(new Map())
      size = 0
    }
    packs.at(-1)?.set(sha256, bytes)
    size += bytes.length
  }
  return packs
}

/** Safari has no idle callback. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => resolve(), { timeout: MAX_IDLE_MS })
    else setTimeout(resolve, 0)
  })
}
