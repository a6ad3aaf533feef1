/** PURE. Colour of more than 8 bits comes from the server as RGB of 8, pixel by pixel, however it is stored. */
import type { DicomJson } from './dicomweb'

const SAMPLES = '00280002'
const BITS_ALLOCATED = '00280100'
const AS_SENT: DicomJson = {
  '00280004': { vr: 'CS', Value: ['RGB'] },
  '00280006': { vr: 'US', Value: [0] }, // by pixel
  [BITS_ALLOCATED]: { vr: 'US', Value: [8] },
  '00280101': { vr: 'US', Value: [8] },
  '00280102': { vr: 'US', Value: [7] },
}

export function withColourAsSent(dataset: DicomJson): DicomJson {
  const [samples, bits] = [SAMPLES, BITS_ALLOCATED].map((tag) => Number(dataset[tag]?.Value?.[0] ?? 1))
  return samples === 3 && (bits ?? 0) > 8 ? { ...dataset, ...AS_SENT } : dataset
}
