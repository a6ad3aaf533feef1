/** The list of regions, connected to the session and the viewer. */
import { t } from '../i18n'
import { showNotice } from '../ui/notify'
import type { RegionLabel } from './definition'
import * as edits from './edits'
import { goToRegion } from './goThere'
import { isRequired, visibleQuestions, type Subject } from './questions'
import type { SideProps } from './ReadingSide'
import type { RegionListProps } from './RegionList'
import { statisticsLines } from './statisticsText'
import type { Region } from '../viewer/types'

export function regionListOf(props: SideProps, labels: readonly RegionLabel[]): RegionListProps {
  const { session, snapshot, workstation, regions } = props
  const { content, phase, missing, missingAt } = snapshot
  const all = session.questions()
  const subjectOf = (region: Region): Subject => ({ scope: 'region', region })
  const drawn = content.regions ?? []
  return {
    regions: drawn, labels, selected: regions.selected, isDisabled: phase !== 'reading', colourOf: regions.colourOf,
    statistics: Object.fromEntries(Object.entries(regions.statistics).map(([id, found]) => [id, statisticsLines(found, found.spacing)])),
    questionsOf: (region) => visibleQuestions(all, content, subjectOf(region)),
    isNeeded: (question, region) => isRequired(all, content, question, subjectOf(region)),
    missing: missing !== null && missingAt?.scope === 'region' ? { region: missingAt.region.id, question: missing } : null,
    inHand: props.inHand?.question ?? null,
    onSelect: (id) => {
      regions.select(id)
      const region = drawn.find((one) => one.id === id)
      if (region) goToRegion(region, workstation)
    },
    onRename: (id, name, gesture) => void session.edit('region_rename', edits.renameRegion(id, name), edits.gestureOf(gesture)),
    onRelabel: (id, label) => {
      const gone = session.relabelRegion(id, label)
      if (gone > 0) showNotice(t('regions.answers_gone', { count: gone }))
    },
    onHide: (id, isHidden) => void session.edit('region_hide', edits.hideRegion(id, isHidden)),
    onLock: (id, isLocked) => void session.edit('region_lock', edits.lockRegion(id, isLocked)),
    onDelete: (id) => void session.edit('region_delete', edits.deleteRegion(id)),
    onAnswer: (id, key, answer, gesture) => void session.answerRegion(id, key, answer, gesture),
    onHideAll: (areHidden) => void session.edit('region_hide', edits.hideAllRegions(areHidden)),
  }
}
