/** PURE. What a project may be set to, as the form has it and as the server has it. */
import type { Project, Schemas } from '../api/client'

export const MOST_READERS = 20
export const MOST_MINUTES = 24 * 60

/** A form's fields; a number that is being typed may be empty. */
export interface SettingsDraft {
  readers_per_case: number | string
  requires_review: boolean
  lease_minutes: number | string
  audits_percent: number | string
}

export function draftOf({ readers_per_case, requires_review, lease_seconds, control_share }: Project): SettingsDraft {
  return { readers_per_case, requires_review, lease_minutes: minutesOf(lease_seconds), audits_percent: Math.round(control_share * 100) }
}

/** What differs from the project alone: the rest is nobody's decision. */
export function changesOf(project: Project, draft: SettingsDraft): Schemas['PatchedProjectSettingsRequestRequest'] {
  const before = draftOf(project)
  return {
    ...(draft.readers_per_case !== before.readers_per_case && { readers_per_case: Number(draft.readers_per_case) }),
    ...(draft.requires_review !== before.requires_review && { requires_review: draft.requires_review }),
    ...(draft.lease_minutes !== before.lease_minutes && { lease_seconds: Math.round(Number(draft.lease_minutes) * 60) }),
    ...(draft.audits_percent !== before.audits_percent && { control_share: Number(draft.audits_percent) / 100 }),
  }
}

/** A lease to the tenth of a minute. */
export function minutesOf(seconds: number): number {
  return Math.round(seconds / 6) / 10
}

export function projectPage(projectId: string, tab: string): string {
  return `/projects/${projectId}?tab=${tab}`
}
