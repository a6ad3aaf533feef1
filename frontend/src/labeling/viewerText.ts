/** The viewer's messages in the reader's language. */
import { formatNumber, named, t } from '../i18n'
import type { PlanNotice, Trouble, VolumeNotice } from '../viewer/messages'
import type { PaneState } from '../viewer/types'

const GIGABYTE = 2 ** 30

/** Why a pane has no planes, or nothing where it has. */
export function whyNoPlanes(pane: PaneState): string | undefined {
  if (pane.notice) return volumeText(pane.notice)
  const reason = pane.series?.not_a_volume
  return reason ? volumeText({ code: 'not_a_volume', reason }) : undefined
}

export function volumeText(notice: VolumeNotice): string {
  switch (notice.code) {
    case 'not_a_volume':
      return t('volume.not_a_volume', { reason: t(`volume.why_${notice.reason}`) })
    case 'colour':
      return t('volume.colour')
    case 'too_large':
      return t('volume.too_large', { needed: gigabytes(notice.needed_bytes), free: gigabytes(notice.free_bytes) })
  }
}

export function planText(notice: PlanNotice): string {
  return notice.code === 'no_rule_fits' ? t('plan.no_rule_fits') : t('plan.rule_incomplete', { rule: notice.rule })
}

/** Empty where nothing more is known. */
export function troubleText(trouble: Trouble): string {
  switch (trouble.code) {
    case 'late':
      return t(`trouble.late_${trouble.what}`)
    case 'refused':
      return t('trouble.refused', { status: String(trouble.status) })
    case 'no_room':
      return t('refusal.too_large')
    case 'unknown':
      return trouble.detail
  }
}

function gigabytes(bytes: number): string {
  return formatNumber(bytes / GIGABYTE, 1)
}

/** A window by its name; an image that stores several has `image`, `image_2` and so on. */
export function presetText(name: string): string {
  const [, number] = /^image_(\d+)$/.exec(name) ?? []
  return number === undefined ? named(`preset.${name}`, name) : t('preset.image_number', { number })
}
