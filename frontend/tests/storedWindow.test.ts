import { describe, expect, it } from 'vitest'
import type { DicomJson } from '../src/viewer/dicomweb'
import { withUsableWindows } from '../src/viewer/storedWindow'

const dataset = (widths: number[], kind?: string): DicomJson => ({
  '00280010': { vr: 'US', Value: [2] }, '00281050': { vr: 'DS', Value: widths.map(() => 0) },
  '00281051': { vr: 'DS', Value: widths }, ...(kind && { '00281056': { vr: 'CS', Value: [kind] } }),
})

describe('stored windows', () => {
  it.each([[[400]], [[1]], [[400, 1500]]])('of widths %j are kept', (widths) => {
    const given = dataset(widths)
    expect(withUsableWindows(given)).toBe(given)
  })

  it.each([[[0]], [[-4]], [[400, 0]], [[0.5]]])('of widths %j are dropped, and nothing else is', (widths) => {
    expect(withUsableWindows(dataset(widths))).toEqual({ '00280010': { vr: 'US', Value: [2] } })
  })

  it('have the name of their function twice, of which Cornerstone takes the first', () => {
    expect(withUsableWindows(dataset([40], 'LINEAR'))).toEqual({
      ...dataset([40]), '00281056': { vr: 'CS', Value: ['LINEAR', 'LINEAR'] },
    })
  })

  it('may be narrow where their function is exact', () => {
    expect(withUsableWindows(dataset([0.5], 'LINEAR_EXACT'))['00281051']).toBeDefined()
    expect(withUsableWindows(dataset([0], 'SIGMOID'))['00281051']).toBeUndefined()
  })

  it.each([
    [[256, 0], 128, 256], [[0, 0], 32_768, 65_536], [[4096, 64_512], 1024, 4096], [[4096, -1024], 1024, 4096],
  ])('of a table %j alone are the values that it is for', (descriptor, center, width) => {
    const tables = { vr: 'SQ', Value: [{ '00283002': { vr: 'US', Value: [...descriptor, 16] } }] }
    const given: DicomJson = { '00283010': tables, '00281056': { vr: 'CS', Value: ['SIGMOID'] } }
    expect(withUsableWindows(given)).toEqual({
      '00283010': tables, '00281050': { vr: 'DS', Value: [center] }, '00281051': { vr: 'DS', Value: [width] },
    })
    expect(withUsableWindows({ ...dataset([400]), ...given })['00281051']?.Value).toEqual([400])
  })

  it('are left alone where there are none', () => {
    const given: DicomJson = { '00280010': { vr: 'US', Value: [2] } }
    expect(withUsableWindows(given)).toBe(given)
  })
})
