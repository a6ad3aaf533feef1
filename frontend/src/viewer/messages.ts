/** What the viewer has to say, as codes with their facts: the page has the words, in the reader's language. */

/** Why the images of a series are no volume, as the server says it. */
export type NotAVolume =
  | 'single_image'
  | 'no_position'
  | 'different_orientations'
  | 'too_few_slices'
  | 'same_place'
  | 'varying_spacing'
  | 'tilted_gantry'
  | 'several_stacks'
  | 'multi_frame'

/** Why a series stays a stack. */
export type VolumeNotice =
  | { code: 'not_a_volume'; reason: NotAVolume }
  | { code: 'colour' }
  | { code: 'too_large'; needed_bytes: number; free_bytes: number }

/** What the hanging protocols could not find. */
export type PlanNotice = { code: 'rule_incomplete'; rule: string } | { code: 'no_rule_fits' }

/** Why something cannot be shown; `unknown` carries what the software below said, if anything. */
export type Trouble =
  | { code: 'late'; what: 'series' | 'image' | 'volume' }
  | { code: 'refused'; status: number }
  | { code: 'no_room' }
  | { code: 'unknown'; detail: string }

export class ViewerError extends Error {
  constructor(readonly trouble: Trouble) {
    super(JSON.stringify(trouble))
    this.name = 'ViewerError'
  }
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof ViewerError) return error.trouble
  if (error instanceof Error) return { code: 'unknown', detail: error.message }
  const inner = (error as { error?: { message?: string } } | null)?.error?.message
  return { code: 'unknown', detail: inner ?? '' }
}
