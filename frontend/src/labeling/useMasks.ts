/** Connects the content's masks to the panes: the segment in hand, its brush and how segments look. */
import { useEffect, useMemo, useRef, useState, type RefObject } from 'react'
import { showNotice } from '../ui/notify'
import type { MaskEditor } from '../viewer/masks/MaskEditor'
import type { MaskLoading } from '../viewer/masks/SliceWriter'
import { afterMasks } from './afterMasks'
import { drawnMasks, type Content } from './content'
import type { Segment } from './definition'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { maskRefusalText } from './refusalText'
import { useShownKey } from './useShownKey'
import type { ViewerConnection } from './useWorkstation'
import { MASK_TOOLS, type MaskLayer, type MaskReach, type WorkstationState } from '../viewer/types'
import { shownAndOpen } from './segmentLooks'
import { DEFAULT_LOOK, FIRST_BOUNDS, segmentColour, type Brush, type SegmentLook } from './SegmentPanel'

export interface Masks {
  editor: RefObject<MaskEditor | null>
  selected: number | null
  select: (value: number) => void
  looks: Readonly<Record<number, SegmentLook>>
  setLook: (value: number, look: SegmentLook) => void
  brush: Brush
  setBrush: (brush: Brush) => void
  isOutlineOnly: boolean
  setOutlineOnly: (isOn: boolean) => void
  /** Where operations act. */
  reach: MaskReach
  setReach: (reach: MaskReach) => void
  /** Whether one is at work. */
  isBusy: boolean
  /** What is not on the screen yet; null where all is. */
  loading: MaskLoading | null
  /** What a hand paints now is put back once it lets go; whether one does. */
  giveUp: () => boolean
  /** Whether a hand is down, or an operation at work. */
  isUnderWay: () => boolean
  /** Do this once every stroke and operation of the case has ended. */
  after: (act: () => Promise<void>) => Promise<void>
}

const FIRST_BRUSH: Brush = { radius_mm: 5, shape: 'circle', threshold: FIRST_BOUNDS }

export function useMasks(
  { workstation, layers }: ViewerConnection, session: ReadingSession, { content, reading, save }: Snapshot, segments: readonly Segment[],
): Masks {
  const editor = useRef<MaskEditor | null>(null)
  const shownEyeKey = useShownKey('segment_hide')
  const eyeKey = useRef(shownEyeKey)
  useEffect(() => {
    eyeKey.current = shownEyeKey
  }, [shownEyeKey])
  const [chosen, select] = useState<number | null>(null)
  const [looks, setLooks] = useState<Record<number, SegmentLook>>({})
  const [brush, setBrush] = useState(FIRST_BRUSH)
  const caseId = reading?.case_id
  const [dressedFor, setDressedFor] = useState(caseId)
  if (caseId !== dressedFor) {
    // What was hidden or locked in one case would be missing, or resist the brush, in the next.
    setDressedFor(caseId)
    setLooks(shownAndOpen)
  }
  const [isOutlineOnly, setOutlineOnly] = useState(false)
  const [reach, setReach] = useState<MaskReach>('shown')
  const [isBusy, setBusy] = useState(false)
  const [loading, setLoading] = useState<MaskLoading | null>(null)
  const segment = segments.find(({ value }) => value === chosen) ?? segments[0]
  const hasSegments = segments.length > 0

  useEffect(() => {
    if (!workstation || !layers || !hasSegments) return undefined
    const created = new layers.MaskEditor(workstation, {
      onStroke: (change, action) => session.paint(change, action),
      owner: () => session.document,
      onBusy: setBusy,
      onLoading: setLoading,
      onRefused: (reason) => showNotice(maskRefusalText(reason, eyeKey.current)),
    })
    editor.current = created
    return () => {
      editor.current = null
      setLoading(null)
      created.destroy()
    }
  }, [workstation, layers, session, hasSegments])

  const { masks } = content
  const drawn = useMemo(() => drawnMasks(masks ? { masks } : {}), [masks])
  const isChoosing = save.kind === 'conflict'
  useEffect(() => {
    if (isChoosing) void editor.current?.reconcile(drawn, session.readMask) // of whichever version is looked at
  }, [workstation, hasSegments, drawn, session, isChoosing])
  useEffect(() => {
    if (isChoosing) return undefined
    return following(session, (shown) => void editor.current?.reconcile(shown, session.readMask))
  }, [workstation, hasSegments, session, isChoosing])
  // A segment in hand has a label map on every slice that is shown: not before somebody paints, but then at
  // once, and not when the page has followed: the first stroke may come within a tenth of a second.
  const hasDrawn = drawn.length > 0
  useEffect(() => workstation?.subscribe(whenBegun(hasDrawn, () => {
    if (segment) editor.current?.setSegment(segment.value, segment.layer ?? 0)
  })), [workstation, segment, hasDrawn])
  useEffect(() => editor.current?.setBrush(brush), [workstation, hasSegments, brush])
  useEffect(() => {
    const dressed = segments.map((one) => ({
      value: one.value, layer: one.layer ?? 0, colour: segmentColour(one), ...(looks[one.value] ?? DEFAULT_LOOK),
    }))
    editor.current?.setAppearance(dressed, isOutlineOnly)
  }, [workstation, segments, looks, isOutlineOnly])

  return {
    editor, selected: segment?.value ?? null, select, looks, brush, setBrush, isOutlineOnly, setOutlineOnly,
    reach, setReach, isBusy, loading,
    giveUp: () => editor.current?.giveUp() ?? false,
    isUnderWay: () => editor.current?.isUnderWay ?? false,
    after: (act) => afterMasks(editor.current, session, act),
    setLook: (value, look) => setLooks((known) => ({ ...known, [value]: look })),
  }
}

/** At once and with every change: the editor must hear of content before it hears of the next stroke. */
function following(session: ReadingSession, show: (masks: readonly MaskLayer[]) => void): () => void {
  let shown: Content['masks'] | null = null
  const follow = () => {
    const { masks } = session.snapshot.content
    if (masks === shown) return
    shown = masks
    show(drawnMasks(masks ? { masks } : {}))
  }
  follow()
  return session.subscribe(follow)
}

/** Once, when a tool that paints comes into the hand or is there already. */
function whenBegun(hasBegun: boolean, begin: () => void): (state: WorkstationState) => void {
  let isTold = false
  return ({ tool }) => {
    if (isTold || !(hasBegun || MASK_TOOLS.some((one) => one === tool))) return
    isTold = true
    begin()
  }
}
