import type { Schemas } from '../../api/client'

/** Whether too few have the rarer answer, in the group or beside it, to say if its gap is more than chance. */
export function isUntold({ p, gap }: Pick<Schemas['Group'], 'p' | 'gap'>): boolean {
  return p === null && gap.value !== null
}
