/** PURE. How fast the frames of an object were taken, or are to be shown, by its header (PS3.3 C.7.6.5). */
import { MAX_RATE } from './cine'

/** Attributes of an object with one frame or several. */
export interface CineFacts {
  NumberOfFrames?: unknown
  RecommendedDisplayFrameRate?: unknown
  CineRate?: unknown
  /** Milliseconds. */
  FrameTime?: unknown
  /** Milliseconds from each frame's predecessor; the first has none. */
  FrameTimeVector?: unknown
}

/** Images a second, whole; null where the header does not say, or there is one frame only. */
export function frameRateOf(facts: CineFacts | undefined): number | null {
  if (!facts || !(Number(facts.NumberOfFrames) > 1)) return null
  const [, ...steps] = [facts.FrameTimeVector ?? []].flat().map(Number)
  const mean_ms = steps.reduce((sum, step) => sum + step, 0) / steps.length
  const rates = [Number(facts.RecommendedDisplayFrameRate), Number(facts.CineRate), 1000 / Number(facts.FrameTime), 1000 / mean_ms]
  const found = rates.find((rate) => Number.isFinite(rate) && rate > 0)
  return found === undefined ? null : Math.min(Math.max(Math.round(found), 1), MAX_RATE)
}
