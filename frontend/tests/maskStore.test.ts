import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Content } from '../src/labeling/content'
import { commitFirstImpression, paint } from '../src/labeling/edits'
import { MaskStore, type MaskChange } from '../src/labeling/maskStore'
import { address, decodeSlice, encodeSlice, pack, unpack, type Bytes } from '../src/labeling/sliceFormat'

/** Written by annotation/imaging/masks.py: 3 rows of 5, 7 at (row 1, column 2), 255 in the last. */
const FROM_PYTHON = '46524d41534b3031010000000300000005000000789c636000037608f51f0001460107'
const ITS_ADDRESS = '0ac33de3660bc644ced11c42987c38f14f15933fdb4c63b16abab6535906abe7'
const ITS_PACK = `46525041434b3031${ITS_ADDRESS}23000000${FROM_PYTHON}`
const hex = (text: string): Bytes => Uint8Array.from(Buffer.from(text, 'hex'))
const labels = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 255])

describe('the format of slices', () => {
  it('reads what the server writes', async () => {
    expect(await decodeSlice(hex(FROM_PYTHON))).toEqual({ rows: 3, columns: 5, labels })
    expect(await address(hex(FROM_PYTHON))).toBe(ITS_ADDRESS)
  })

  it('writes the same header and a zlib stream of the labels', async () => {
    const bytes = await encodeSlice({ rows: 3, columns: 5, labels })
    expect(Buffer.from(bytes.subarray(0, 22)).toString('hex')).toBe(FROM_PYTHON.slice(0, 40) + '789c')
    expect((await decodeSlice(bytes)).labels).toEqual(labels)
  })

  it('packs slices as the server expects them', () => {
    const slices = new Map([[ITS_ADDRESS, hex(FROM_PYTHON)]])
    expect(Buffer.from(pack(slices)).toString('hex')).toBe(ITS_PACK)
    expect(unpack(hex(ITS_PACK))).toEqual(slices)
  })

  it('refuses damaged bytes', async () => {
    await expect(decodeSlice(hex(FROM_PYTHON.slice(0, 60)))).rejects.toThrow()
    await expect(decodeSlice(hex(`00${FROM_PYTHON.slice(2)}`))).rejects.toThrow('no label map')
    await expect(encodeSlice({ rows: 3, columns: 4, labels })).rejects.toThrow('do not fill')
    expect(() => unpack(hex(ITS_PACK.slice(0, -2)))).toThrow('cut off')
  })
})

describe('deltas', () => {
  const [rows, columns, count] = [512, 512, 300]
  const place = (n: number) => `1.2.${n}:1`
  const painted = (n: number, value: number) => {
    const slice = new Uint8Array(rows * columns)
    slice.fill(value, n * 100, n * 100 + 50)
    return slice
  }
  const change = (slices: MaskChange['slices']): MaskChange => ({ layer: 0, series: 's', rows, columns, slices })
  let server: Map<string, Bytes>
  let content: Content
  let store: MaskStore
  let packs: number[]

  beforeEach(() => {
    server = new Map()
    packs = []
    content = { answers: {} }
    store = new MaskStore({
      uploadMasks: (body) => {
        const slices = unpack(body)
        packs.push(slices.size)
        for (const [sha256, bytes] of slices) server.set(sha256, bytes)
        return Promise.resolve()
      },
      loadMasks: () => Promise.resolve(pack(server)),
    })
  })

  const save = async (slices: MaskChange['slices']) => {
    const hashes = await store.store(change(slices))
    content = paint({ layer: 0, series_instance_uid: 's', rows, columns }, hashes)(content)
    await store.upload(content)
    store.acknowledge(content)
  }

  it('compresses and sends only the slices that changed of 512x512x300', async () => {
    await save(new Map(Array.from({ length: count }, (_, n) => [place(n), painted(n, 1)])))
    expect([store.compressed, store.uploaded, server.size]).toEqual([count, count, count])
    expect(packs).toEqual([64, 64, 64, 64, 44])
    await save(new Map([[place(5), painted(5, 2)], [place(6), painted(6, 2)]]))
    expect([store.compressed, store.uploaded]).toEqual([count + 2, count + 2])
    await save(new Map([[place(7), null]]))
    expect([store.compressed, store.uploaded]).toEqual([count + 2, count + 2])
    expect(Object.keys((content.masks?.[0] as { slices: object }).slices)).toHaveLength(count - 1)
  }, 20_000)

  it('keeps in the journal only what no saved draft names', async () => {
    await save(new Map([[place(1), painted(1, 1)]]))
    expect(store.unsaved(content).size).toBe(0)
    const hashes = await store.store(change(new Map([[place(2), painted(2, 1)]])))
    const next = paint({ layer: 0, series_instance_uid: 's', rows, columns }, hashes)(content)
    expect([...store.unsaved(next).keys()]).toEqual([hashes.get(place(2))])
    await store.upload(next)
    expect(store.unsaved(next).size).toBe(1)
    store.acknowledge(next)
    expect(store.unsaved(next).size).toBe(0)
  })

  it('keeps and sends what the first impression names, though it is painted over', async () => {
    const target = { layer: 0, series_instance_uid: 's', rows, columns }
    const first = await store.store(change(new Map([[place(1), painted(1, 1)]])))
    const seen = paint(target, first)(content)
    const next = await store.store(change(new Map([[place(1), painted(1, 2)]])))
    const both = [first.get(place(1)), next.get(place(1))].sort()
    content = paint(target, next)(commitFirstImpression(seen, '2026-01-01T00:00:00Z')(seen))
    expect([...store.unsaved(content).keys()].sort()).toEqual(both)
    await store.upload(content)
    expect([...server.keys()].sort()).toEqual(both)
    store.acknowledge(content)
    expect(store.unsaved(content).size).toBe(0)
  })

  it('loads the slices of a draft when the case opens, and sends none of them back', async () => {
    await save(new Map([[place(1), painted(1, 9)]]))
    const reopened = new MaskStore({
      uploadMasks: () => Promise.reject(new Error('nothing to send')),
      loadMasks: () => Promise.resolve(pack(server)),
    })
    reopened.load(content)
    const [sha256 = ''] = server.keys()
    expect(await reopened.read(sha256)).toEqual(painted(1, 9))
    await reopened.upload(content)
  })

  it('says so when a slice is nowhere', async () => {
    await expect(store.read('00')).rejects.toThrow('not on the server')
  })
})

describe('a download that fails', () => {
  it('is tried again with the next read, and says why it failed', async () => {
    const labels = Uint8Array.from([1, 2, 3, 4])
    const bytes = await encodeSlice({ rows: 2, columns: 2, labels })
    const sha256 = await address(bytes)
    let downloads = 0
    const store = new MaskStore({
      uploadMasks: () => Promise.resolve(),
      loadMasks: () => (++downloads < 3 ? Promise.reject(new Error('away')) : Promise.resolve(pack(new Map([[sha256, bytes]])))),
    })
    store.load({ answers: {}, masks: [{ layer: 0, series_instance_uid: 's', rows: 2, columns: 2, slices: { '1:1': sha256 } }] })
    await expect(store.read(sha256)).rejects.toThrow('away')
    await expect(store.read(sha256)).rejects.toThrow('away')
    expect(await store.read(sha256)).toEqual(labels)
    expect(await store.read(sha256)).toEqual(labels)
    expect(downloads).toBe(3)
  })
})

describe('a change of a whole series', () => {
  it('is kept part by part while it is still being compressed', async () => {
    const store = new MaskStore({ uploadMasks: () => Promise.resolve(), loadMasks: () => Promise.reject(new Error('none')) })
    const clock = vi.spyOn(performance, 'now')
    let ms = 0
    clock.mockImplementation(() => (ms += 200))
    const slices = new Map(Array.from({ length: 40 }, (_, n) => [`${n}:1`, Uint8Array.from([n, 1])]))
    const parts: number[] = []
    const all = await store.store({ layer: 0, series: 's', rows: 1, columns: 2, slices }, (part) => parts.push(part.size))
    clock.mockRestore()
    expect(parts.length).toBeGreaterThan(2)
    expect(parts.reduce((sum, size) => sum + size)).toBe(40)
    expect(all.size).toBe(40)
  })
})
