/** Why a model answers as it does: asked for by key, waited for, laid over the images, never kept. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { ApiError, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import type { ExplanationMap } from '../viewer/explanations/map'
import { strongest } from '../viewer/explanations/map'
import type { MapOverlay } from '../viewer/explanations/MapOverlay'
import type { PinnedPlace } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import type { Commands } from './actions'
import { OF_A_CASE } from './caseQueries'
import { definitionOfRead } from './definition'
import { FAINTEST, type ExplanationPanelProps, type Shown } from './ExplanationPanel'
import { modesOf, nextMode, type Mode } from './explanationModes'
import { placeOfMap, type MapPlace } from './mapPlace'
import type { InView } from './MapWhere'
import type { Snapshot } from './ReadingSession'
import * as requests from './requests'
import { decodeVolume } from './sliceFormat'
import type { ViewerConnection } from './useWorkstation'

interface Explanations {
  /** Null where the project shows none, or not yet. */
  panel: ExplanationPanelProps | null
  commands: Commands
}

const POLL_MS = 500
const OPACITY = 0.6
const OPACITY_STEP = 0.1
const UNFINISHED = ['pending', 'running']
const NOTHING = [] as const

export function useExplanations(viewer: ViewerConnection, root: string, snapshot: Snapshot): Explanations {
  const caseId = snapshot.reading?.case_id ?? ''
  const isOffered = isOfferedIn(snapshot)
  const choices = useQuery({
    ...OF_A_CASE, queryKey: ['explainable', caseId], queryFn: () => requests.explainable(caseId), enabled: isOffered,
    retry: isNotSavedYet, retryDelay: POLL_MS, staleTime: Infinity,
  })
  const modes = modesOf(choices.data ?? NOTHING)
  const [wanted, setWanted] = useState<Mode['key']>('')
  const [answers, setAnswers] = useState<Record<string, string>>({})
  const [opacity, setOpacity] = useState(OPACITY)
  // Every case begins without: a map that is there already has been seen before the image.
  const [shownOn, setShownOn] = useState<string | null>(null)
  const mode = modes.find(({ key }) => key === wanted) ?? modes[0] ?? null
  const isShown = isOffered && shownOn === caseId && mode !== null
  const answer = mode?.classes.length ? (answers[mode.key] ?? (mode.likely || mode.classes.at(-1)) ?? '') : ''
  const found = useFound(caseId, isShown ? mode : null, answer)
  const overlay = useOverlay(viewer, found.map, opacity)
  const { reading } = snapshot
  const studies = useMemo(() => (reading ? [reading.study, ...reading.priors] : []), [reading])
  const { map } = found
  const place = useMemo(() => map && placeOfMap(studies, map.frames), [studies, map])
  const best = useMemo(() => map && strongest(map), [map])

  if (!isOffered) return { panel: null, commands: {} }
  const toggle = () => setShownOn(isShown ? null : caseId)
  const choose = (key: Mode['key']) => {
    setWanted(key)
    setShownOn(caseId)
  }
  const { workstation } = viewer
  const goTo = workstation && best && (() => void goToStrongest(workstation, overlay.current(), best, place))
  return {
    panel: {
      root, modes, mode, isShown, answer, opacity, shown: found.shown, isWaiting: choices.isPending,
      error: choices.error, questions: definitionOfRead(snapshot.reading).questions ?? NOTHING,
      place, inView: overlay,
      onToggle: toggle, onMode: choose, onOpacity: setOpacity, onGoTo: goTo, onRetry: found.retry,
      onAnswer: (chosen) => mode && setAnswers({ ...answers, [mode.key]: chosen }),
    },
    commands: mode === null ? {} : {
      explanation_show: toggle,
      ...(modes.length > 1 && { explanation_next: () => choose(nextMode(modes, mode).key) }),
      ...(goTo && { explanation_goto: goTo }),
      ...(isShown && mode.classes.length > 1 && {
        explanation_answer: () => setAnswers({ ...answers, [mode.key]: following(mode.classes, answer) }),
      }),
      ...(map && {
        explanation_fainter: () => setOpacity(Math.max(opacity - OPACITY_STEP, FAINTEST)),
        explanation_stronger: () => setOpacity(Math.min(opacity + OPACITY_STEP, 1)),
      }),
      ...(found.shown.kind === 'failed' && { explanation_retry: found.retry }),
    },
  }
}

function following(all: readonly string[], one: string): string {
  return all[(all.indexOf(one) + 1) % all.length] ?? one
}

/** Blind readers are offered nothing, not even that there is something. */
function isOfferedIn({ phase, reading, content }: Snapshot): boolean {
  if (!reading?.options.shows_explanations) return false
  if (phase === 'looking') return true
  if (phase !== 'reading' && phase !== 'submitting') return false
  const { suggestions } = reading.options
  return suggestions === 'shown' || (suggestions === 'after_first_impression' && content.first_impression != null)
}

/** The first impression is on its way to the server. */
function isNotSavedYet(count: number, error: Error): boolean {
  return count < 6 && error instanceof ApiError && error.problem.code === 'first_impression_missing'
}

interface Found {
  shown: Shown
  map: ExplanationMap | null
  retry: () => void
}

/** What a mode shows now: the map once it is made, or the neighbours. */
function useFound(caseId: string, mode: Mode | null, answer: string): Found {
  const client = useQueryClient()
  const model = mode?.model ?? ''
  const method = mode && mode.method !== 'neighbours' ? mode.method : null
  const key = [caseId, model, method, answer]
  const asked = useQuery({
    ...OF_A_CASE, queryKey: ['explanation', ...key], enabled: method !== null, staleTime: Infinity, retry: false,
    queryFn: () => requests.askForExplanation(caseId, { model_version: model, method: method ?? 'occlusion', answer }),
  })
  const { id = '' } = asked.data ?? {}
  const polled = useQuery({
    ...OF_A_CASE, queryKey: ['explanation-state', id], enabled: method !== null && id !== '', queryFn: () => requests.explanation(id),
    refetchInterval: ({ state }) => (isUnfinished(state.data) ? POLL_MS : false), initialData: asked.data,
  })
  const now = method === null ? undefined : polled.data
  const isMade = now?.state === 'completed'
  const made = useQuery({
    queryKey: ['explanation-map', id], enabled: isMade, staleTime: Infinity, gcTime: 0, retry: 1,
    queryFn: async () => mapOf(await requests.explanationMap(id), now?.place),
  })
  const near = useQuery({
    ...OF_A_CASE, queryKey: ['neighbours', caseId], enabled: mode?.method === 'neighbours', staleTime: Infinity,
    queryFn: () => requests.neighbours(caseId),
  })
  const retry = () => {
    client.removeQueries({ queryKey: ['explanation-state', id] })
    void client.resetQueries({ queryKey: ['explanation', ...key] })
  }
  const error = asked.error ?? polled.error ?? made.error ?? near.error
  if (mode === null) return { map: null, retry, shown: { kind: 'nothing' } }
  if (error) return { map: null, retry, shown: { kind: 'failed', reason: error.message } }
  if (method === null) return { map: null, retry, shown: near.data ? { kind: 'neighbours', neighbours: near.data } : { kind: 'pending' } }
  if (now && !isMade && !isUnfinished(now)) return { map: null, retry, shown: { kind: 'failed', reason: errorText(now) } }
  if (made.data && isMade) return { map: made.data, retry, shown: { kind: 'map' } }
  return { map: null, retry, shown: now?.state === 'running' ? { kind: 'running', progress: now.progress } : { kind: 'pending' } }
}

function isUnfinished(explanation: Schemas['Explanation'] | undefined): boolean {
  return explanation !== undefined && UNFINISHED.includes(explanation.state)
}

async function mapOf(bytes: Uint8Array, place: Schemas['MapPlace'] | null | undefined): Promise<ExplanationMap> {
  const { rows, columns, labels } = await decodeVolume(bytes)
  const [left = 0, top = 0, right = 0, bottom = 0] = place?.box ?? NOTHING
  return { frames: place?.frames ?? NOTHING, box: [left, top, right, bottom], rows, columns, values: labels }
}

interface Overlay extends InView {
  current: () => MapOverlay | null
}

function useOverlay({ workstation, layers }: ViewerConnection, map: ExplanationMap | null, opacity: number): Overlay {
  const overlay = useRef<MapOverlay | null>(null)
  useEffect(() => {
    if (!workstation || !layers) return undefined
    const created = new layers.MapOverlay(workstation)
    overlay.current = created
    return () => {
      overlay.current = null
      created.destroy()
    }
  }, [workstation, layers])
  useEffect(() => overlay.current?.show(map, opacity), [workstation, layers, map, opacity])
  const [found] = useState<Overlay>(() => ({
    current: () => overlay.current,
    subscribe: (listener) => overlay.current?.subscribe(listener) ?? nothing,
    isInView: () => overlay.current?.isInView() ?? false,
  }))
  return found
}

function nothing(): void {
  // Nobody listens.
}

/** In the pane at hand where that can show it, else in one that can, else as a stack. */
async function goToStrongest(
  workstation: Workstation, overlay: MapOverlay | null, best: PinnedPlace, lies: MapPlace | null,
): Promise<void> {
  const { active } = workstation.state
  const able = overlay?.panes() ?? []
  const [pane = null] = able.includes(active) ? [active] : able
  if (pane !== null) workstation.activate(pane)
  else if (lies) await workstation.show(active, { study: lies.study, series: lies.series, as: 'stack' }, lies.first)
  await workstation.jumpTo(best.sop_instance_uid, best.frame, best.pixel)
}
