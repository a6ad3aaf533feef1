/** Connects the content's regions to the panes: what is drawn, selected and measured. */
import { useEffect, useMemo, useRef, useState } from 'react'
import { t, type TextKey } from '../i18n'
import { showNotice } from '../ui/notify'
import { labelColour } from '../ui/theme'
import { REGION_KINDS, type Region, type ToolName } from '../viewer/types'
import type { RegionLayer, Refusal } from '../viewer/regions/RegionLayer'
import { kindsOf, type RegionLabel } from './definition'
import * as edits from './edits'
import { measuredOf, NOTHING_MEASURED, withMeasured, type Measured } from './measured'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { slabRefusalText } from './refusalText'
import { linesInImage } from './statisticsText'
import { asSuggested } from './suggested'
import { useShownKey } from './useShownKey'
import type { ViewerConnection } from './useWorkstation'

export interface Regions {
  /** Give up what is being drawn; whether something was. */
  cancel: () => boolean
  selected: string | null
  select: (id: string | null) => void
  /** Measurements by region. */
  statistics: Readonly<Record<string, Measured>>
  /** The label of what is drawn next. */
  label: string
  setLabel: (label: string) => void
  colourOf: (label: string) => string
}

const NONE = [] as const

export function useRegions(
  { workstation, layers }: ViewerConnection, session: ReadingSession, { content, reading }: Snapshot, labels: readonly RegionLabel[],
  suggested: readonly Region[],
): Regions {
  const layer = useRef<RegionLayer | null>(null)
  const [selected, select] = useState<string | null>(null)
  const [measured, setMeasured] = useState(NOTHING_MEASURED)
  const statistics = measuredOf(measured, reading?.annotation.id ?? null)
  const [chosen, setLabel] = useState('')
  const label = labels.some((one) => one.key === chosen) ? chosen : (labels[0]?.key ?? '')
  const colourOf = useMemo(() => coloursOf(labels), [labels])

  useEffect(() => {
    if (!workstation || !layers) return undefined
    const created = new layers.RegionLayer(workstation, {
      onDrawn: (region) => {
        if (!session.mayDraw(region)) return false
        const isKept = session.edit('region_add', edits.addRegion(region))
        if (isKept) select(region.id)
        return isKept
      },
      onChanged: (region) => session.edit('region_change', edits.moveRegion(region)),
      // A suggested region is nobody's yet: nothing can be done to it but to take or refuse it.
      onSelected: (id) => select(id !== null && session.document?.content.regions?.some((one) => one.id === id) ? id : null),
      describe: linesInImage,
      statisticsChanged: (id, found, spacing) => setMeasured((known) => withMeasured(known, readOf(session), id, { ...found, spacing })),
      onRefused: (reason) => showNotice(t(REFUSALS[reason])),
    })
    layer.current = created
    return () => {
      layer.current = null
      created.destroy()
    }
  }, [workstation, layers, session])

  const slabKey = useShownKey('slab_mode')
  useEffect(() => {
    if (!workstation || !layers) return undefined
    return layers.guardStrokes(workstation, (reason) => {
      showNotice(reason === 'slab' ? slabRefusalText(slabKey) : t(`refusal.${reason}`))
    })
  }, [workstation, layers, slabKey])

  const own = content.regions ?? NONE
  const regions = useMemo(() => (suggested.length > 0 ? [...own, ...asSuggested(suggested, own)] : own), [own, suggested])
  useEffect(() => layer.current?.reconcile(regions, colourOf, selected), [workstation, regions, colourOf, selected])
  useEffect(() => layer.current?.setLabel(label), [workstation, label])
  useEffect(() => workstation?.subscribe(whenTaken(() => layer.current?.cancel())), [workstation])
  useEffect(() => {
    const tool = workstation?.state.tool
    if (!workstation || !tool || labels.length === 0 || mayDraw(labels, label, tool)) return
    layer.current?.cancel()
    workstation.setTool(kindsOf(labels, label)[0] ?? 'window')
    showNotice(t('refusal.kind', { label: labels.find(({ key }) => key === label)?.label ?? label }))
  }, [workstation, labels, label])

  return { cancel: () => layer.current?.cancel() ?? false, selected, select, statistics, label, setLabel, colourOf }
}

function readOf(session: ReadingSession): string | null {
  return session.snapshot.reading?.annotation.id ?? null
}

/** Whenever another tool comes into the hand: the mouse would go on with what the one before has begun. */
function whenTaken(act: () => void): (state: { tool: ToolName }) => void {
  let held: ToolName | null = null
  return ({ tool }) => {
    if (held !== null && tool !== held) act()
    held = tool
  }
}

/** A tool that draws no region may be held with every label. */
function mayDraw(labels: readonly RegionLabel[], label: string, tool: ToolName): boolean {
  const kinds: readonly ToolName[] = kindsOf(labels, label)
  return !REGION_KINDS.some((kind) => kind === tool) || kinds.includes(tool)
}

const REFUSALS = {
  oblique_plane: 'refusal.oblique_plane',
  unknown_frame: 'refusal.unknown_frame',
  too_small: 'refusal.too_small',
  elsewhere: 'refusal.elsewhere',
} satisfies Record<Refusal, TextKey>

function coloursOf(labels: readonly RegionLabel[]): (label: string) => string {
  const byKey = new Map(labels.map((one, index) => [one.key, one.colour ?? labelColour(index)]))
  return (key) => byKey.get(key) ?? labelColour(0)
}
