/** PURE. A map over frames: what was measured, and where each of its slices lies. */
import type { PinnedPlace } from '../types'

export interface ExplanationMap {
  /** `<SOP Instance UID>:<frame>` of each slice. */
  frames: readonly string[]
  /** Left, top, right, bottom of every slice in image coordinates; (0, 0) is the centre of the first pixel. */
  box: readonly [number, number, number, number]
  rows: number
  columns: number
  /** 0 to 255, slice by slice, row by row. */
  values: Uint8Array
}

/** Where the map is strongest, to go there; null where it is empty. */
export function strongest(map: ExplanationMap): PinnedPlace | null {
  let best = -1
  let most = 0
  map.values.forEach((value, index) => {
    if (value > most) [most, best] = [value, index]
  })
  if (best < 0) return null
  const { rows, columns, box: [left, top, right, bottom] } = map
  const size = rows * columns
  const [sop_instance_uid = '', frame = '1'] = (map.frames[Math.floor(best / size)] ?? '').split(':')
  const x = left + ((best % columns) + 0.5) * (right - left) / columns
  const y = top + (Math.floor((best % size) / columns) + 0.5) * (bottom - top) / rows
  return { sop_instance_uid, frame: Number(frame), pixel: [Math.round(x), Math.round(y)] }
}
