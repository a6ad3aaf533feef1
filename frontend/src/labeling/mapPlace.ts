/** PURE. Where a map lies, as a person says it: which images of which series. */
import { imagesOf, type ViewerSeries, type ViewerStudy } from '../viewer/dicomweb'

export interface MapPlace {
  study: ViewerStudy
  series: ViewerSeries
  /** The images that it covers, from 1, of so many. */
  first: number
  last: number
  total: number
}

/** `frames` as `<SOP Instance UID>:<frame>`; null where no open study holds them. */
export function placeOfMap(studies: readonly ViewerStudy[], frames: readonly string[]): MapPlace | null {
  const wanted = new Set(frames)
  for (const study of studies) {
    for (const series of study.series) {
      const keys = imagesOf(series).map(({ sop_instance_uid, frame }) => `${sop_instance_uid}:${frame}`)
      const found = keys.flatMap((key, index) => (wanted.has(key) ? [index + 1] : []))
      const [first, last] = [found[0], found.at(-1)]
      if (first !== undefined && last !== undefined) return { study, series, first, last, total: keys.length }
    }
  }
  return null
}
