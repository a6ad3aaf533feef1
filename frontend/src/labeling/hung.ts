/** PURE. How a case hangs: the open one, and the same one before it is opened. */
import type { Reading, Schemas } from '../api/client'
import { planFor, type HangingPlan } from '../viewer/hanging'
import { definitionOf, definitionOfRead } from './definition'

export function planOfRead(reading: Reading): HangingPlan {
  return planFor(reading.study, reading.priors, definitionOfRead(reading).hanging ?? [])
}

export function planOfNext({ study, priors, hanging }: Schemas['Upcoming']): HangingPlan {
  return planFor(study, priors, definitionOf({ hanging }).hanging ?? [])
}

/** Whether two reads show the same images in the same way; those of a study that has grown are others. */
export function hangsAlike(one: Reading, other: Reading): boolean {
  const rules = (reading: Reading) => JSON.stringify(definitionOfRead(reading).hanging ?? [])
  return one.case_id === other.case_id && one.study === other.study && one.priors === other.priors && rules(one) === rules(other)
}
