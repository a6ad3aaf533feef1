/** PURE. The learning curve as rows of one chart: points of different strategies are never joined. */
import type { Schemas } from '../api/client'

type Point = Schemas['LearningPoint']

export interface Series {
  key: string
  strategy: string
  /** Points of a strategy that came back: it has its place in the legend already. */
  isRepeated: boolean
}

export interface CurveRow {
  labels: number
  [key: string]: number | readonly [number, number] | undefined
}

/** One series for every stretch of points that one strategy has chosen in a row. */
export function seriesOf(points: readonly Point[], prefix: string): { series: Series[]; keys: string[] } {
  const series: Series[] = []
  const keys = points.map(({ strategy }) => {
    const last = series[series.length - 1]
    if (last?.strategy === strategy) return last.key
    const made = { key: `${prefix}${series.length}`, strategy, isRepeated: series.some((one) => one.strategy === strategy) }
    series.push(made)
    return made.key
  })
  return { series, keys }
}

/** A row per point, by labels; `key` holds the figure and `key + "Error"` how far its interval reaches down and up. */
export function rowsOf(points: readonly Point[], keys: readonly string[]): CurveRow[] {
  return points.flatMap(({ labels, value, low, high }, index) => {
    const key = keys[index]
    if (value === null || key === undefined) return []
    const error = low === null || high === null ? undefined : ([value - low, high - value] as const)
    return [{ labels, [key]: value, [`${key}Error`]: error }]
  })
}

/** The forecast's middle and its band. */
export function bandOf(points: readonly Point[]): CurveRow[] {
  return points.flatMap(({ labels, value, low, high }) =>
    value === null || low === null || high === null ? [] : [{ labels, forecast: value, band: [low, high] as const }])
}
