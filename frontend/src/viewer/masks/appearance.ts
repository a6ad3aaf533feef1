/** PURE. How segments look, and which of them tools leave as they are. */

export interface SegmentAppearance {
  value: number
  layer: number
  /** #rrggbb */
  colour: string
  /** From 0 to 1. */
  opacity: number
  isHidden: boolean
  isLocked: boolean
}

type Segments = readonly SegmentAppearance[]

/** Nothing is done to what is locked, nor to what nobody sees. */
export function isFixed({ isHidden, isLocked }: SegmentAppearance): boolean {
  return isHidden || isLocked
}

/** The values of such segments in a layer. */
export function fixedIn(segments: Segments, layer: number): ReadonlySet<number> {
  return new Set(segments.filter((one) => one.layer === layer && isFixed(one)).map(({ value }) => value))
}

export function isHidden(segments: Segments, { value, layer }: Pick<SegmentAppearance, 'value' | 'layer'>): boolean {
  return segments.some((one) => one.isHidden && one.value === value && one.layer === layer)
}
