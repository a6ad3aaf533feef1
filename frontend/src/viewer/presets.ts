/** Window presets per modality: pure, what a number key or a hanging rule asks for. */

export interface Window {
  center: number
  width: number
  /** How a window of the header counts (0028,1056); one that a hand sets counts as its width suggests. */
  rule?: 'LINEAR' | 'LINEAR_EXACT'
}

/** A fixed window, or the range between two percentiles of what is shown. */
export interface Preset {
  /** The key that uses it, counted from 1. */
  key: string
  name: string
  window: Window | { percentiles: readonly [number, number] }
}

/** What a hanging rule may ask for by name (annotation/labeling/schemas/hanging.py). */
export const PRESET_NAMES = ['soft_tissue', 'lung', 'liver', 'bone', 'brain', 'image', 'full', 'wide', 'narrow'] as const

const MAX_KEYS = 9
/** Of a region of one value. */
const LEAST_WIDTH = 1
const CT: readonly (readonly [string, number, number])[] = [
  ['soft_tissue', 40, 400],
  ['lung', -600, 1500],
  ['liver', 90, 150],
  ['bone', 480, 2500],
  ['brain', 40, 80],
]
/** Modalities without fixed units: parts of what is shown, and the outliers never count. */
const RELATIVE: readonly (readonly [string, number, number])[] = [
  ['full', 0, 100],
  ['wide', 1, 99.5],
  ['narrow', 20, 98],
]

/** The presets of a modality in the order of their keys; `stored` are the image's own windows. */
export function presetsFor(modality: string, stored: readonly Window[]): Preset[] {
  const own = stored.map((window, index) => ({
    name: index === 0 ? 'image' : `image_${index + 1}`,
    window,
  }))
  const relative = RELATIVE.map(([name, low, high]) => ({
    name,
    window: { percentiles: [low, high] as const },
  }))
  const fixed = CT.map(([name, center, width]) => ({ name, window: { center, width } }))
  const found = modality === 'CT' ? [...fixed, ...own, ...relative] : [...own, ...relative]
  return found.slice(0, MAX_KEYS).map((preset, index) => ({ ...preset, key: String(index + 1) }))
}

/** The window of a preset; `values` are only read for percentiles. */
export function windowOf(preset: Preset, values: () => readonly number[]): Window | null {
  if (!('percentiles' in preset.window)) return preset.window
  return windowBetween(values(), ...preset.window.percentiles)
}

/** The window from one percentile to another; null where there is nothing to measure. */
export function windowBetween(
  values: readonly number[], low: number, high: number,
): Window | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const lower = percentile(sorted, low)
  const upper = percentile(sorted, high)
  return { center: (lower + upper) / 2, width: upper > lower ? upper - lower : LEAST_WIDTH }
}

/** Linear between neighbours, as NumPy's default; `sorted` ascends and holds something. */
export function percentile(sorted: readonly number[], percent: number): number {
  const place = ((sorted.length - 1) * Math.min(Math.max(percent, 0), 100)) / 100
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}

/** From this width on a window counts whole units, as DICOM's LINEAR function does (PS3.3
 * C.11.2.1.2.1); below it, as in SUV, half a unit would be visible. */
const COUNTS_UNITS = 16

export interface Range {
  lower: number
  upper: number
}

/** The values that a window shows as black and as white. */
export function rangeOf({ center, width, rule = width < COUNTS_UNITS ? 'LINEAR_EXACT' : 'LINEAR' }: Window): Range {
  if (rule === 'LINEAR_EXACT') return { lower: center - width / 2, upper: center + width / 2 }
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 }
}

/** The inverse of `rangeOf`: one of the header's windows where it has that range. */
export function windowOfRange(range: Range, stored: readonly Window[] = []): Window {
  const { lower, upper } = range
  const own = stored.find((window) => isSameRange(rangeOf(window), range))
  if (own) return { center: own.center, width: own.width }
  const width = upper - lower
  if (width < COUNTS_UNITS - 1) return { center: (lower + upper) / 2, width }
  return { center: (lower + upper) / 2 + 0.5, width: width + 1 }
}

function isSameRange(a: Range, b: Range): boolean {
  const tolerance = 1e-6 * Math.abs(a.upper - a.lower)
  return Math.abs(a.lower - b.lower) <= tolerance && Math.abs(a.upper - b.upper) <= tolerance
}

export function isSameWindow(a: Window, b: Window): boolean {
  const tolerance = 1e-3 * Math.max(Math.abs(a.width), Math.abs(b.width))
  return Math.abs(a.center - b.center) <= tolerance && Math.abs(a.width - b.width) <= tolerance
}
