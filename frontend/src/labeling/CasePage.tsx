/** A case as supervisors look at it: the images with somebody's read on them, and what readers noted. */
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useNavigate, useParams, useSearchParams } from 'react-router'
import { api, good, type Schemas } from '../api/client'
import { usePreferences } from '../app/usePreferences'
import { t } from '../i18n'
import { Failed, Waiting } from '../ui/states'
import { actionOf, type ActionId, type Commands, type Group } from './actions'
import { ActivityClock } from './activity'
import { CaseSide } from './CaseSide'
import { CheatSheet } from './CheatSheet'
import { commandsOf, giveUp } from './commands'
import { pressingControls, pressingMarks, pressingReview } from './controls'
import { definitionOfRead } from './definition'
import { Journal } from './journal'
import { looks } from './looks'
import { visibleQuestions } from './questions'
import { ReadingRoom } from './ReadingRoom'
import { ReadingSession } from './ReadingSession'
import * as requests from './requests'
import { RoomImages, RoomStrip } from './RoomImages'
import { useRoomLayout } from './roomLayout'
import { Toolbar } from './Toolbar'
import { overviewOf, readingOf, reviewsOf, useReviewAhead } from './reviewing'
import { useCine } from './useCine'
import { useCommentInHand } from './useCommentInHand'
import { useExplanations } from './useExplanations'
import { useKeyPointer } from './useKeyPointer'
import { useKeys } from './useKeys'
import { useMasks } from './useMasks'
import { presetNames, useAtRest } from './useMoving'
import { usePins } from './usePins'
import { useRegions } from './useRegions'
import { useSight } from './useSight'
import { useTalk } from './useTalk'
import { useWorkstation } from './useWorkstation'
import { whyNoPlanes } from './viewerText'

const NONE = [] as const
/** What changes nothing of the read. */
const HARMLESS_GROUPS: readonly Group[] = ['explanations', 'comments', 'marks', 'review', 'view', 'planes', 'presets', 'layouts', 'windows']
const HARMLESS: readonly ActionId[] = [
  'help', 'leave', 'images_again', 'graphics_restart', 'masks_again', 'region_previous', 'region_next', 'cancel', 'segment_previous', 'segment_next', 'masks_hide', 'segment_goto',
  'segment_hide', 'segment_fainter', 'segment_stronger', 'outline_only', 'asked_previous', 'asked_next',
]

export default function CasePage() {
  const { projectId = '', caseId = '' } = useParams()
  const [search, setSearch] = useSearchParams()
  const navigate = useNavigate()
  const overview = useQuery(overviewOf(caseId))
  const me = useQuery({ queryKey: ['me'], queryFn: () => good(api.GET('/api/v1/me')), staleTime: Infinity }).data?.username ?? ''
  const session = useMemo(() => new ReadingSession(projectId, requests, new Journal(localStorage), new ActivityClock()), [projectId])
  const snapshot = useSyncExternalStore(session.subscribe, session.getSnapshot)
  const { keys: custom } = usePreferences()
  const layout = useRoomLayout()
  const [isHelpOpen, help] = useDisclosure(false)
  const root = requests.dicomwebRoot(projectId)
  const { reading } = snapshot
  const { region_labels: labels = NONE, segments = NONE } = definitionOfRead(reading)
  const viewer = useWorkstation(root, reading)
  const { workstation, state } = viewer
  const cine = useCine(workstation, state)
  const presets = useAtRest(workstation, presetNames, NONE)
  const masks = useMasks(viewer, session, snapshot, segments)
  const regions = useRegions(viewer, session, snapshot, labels, NONE)
  const pointer = useKeyPointer(viewer, () => giveUp({ regions, masks }))
  const explanations = useExplanations(viewer, root, snapshot)
  const talk = useTalk(caseId, viewer.isSettled)
  const pins = usePins(viewer, talk.comments, talk.remark)
  const comment = useCommentInHand(talk, workstation)
  const wanted = search.get('read')
  const found = overview.data
  const read = found?.reads.find(({ id }) => id === wanted) ?? found?.reads[0]
  const goesOn = search.get('review') !== null // from one that waits to the next
  const hasSeen = useSight(viewer, session, reading)
  useReviewAhead(projectId, goesOn ? read : undefined, viewer)

  useEffect(() => {
    if (found) session.look(readingOf(found, read))
    if (read) looks.note(read)
  }, [session, found, read])

  const dataset = search.get('dataset') // where one has come from
  const list = goesOn ? reviewsOf(projectId) : `/projects/${projectId}?tab=marks`
  const back = () => void navigate(dataset ? `/datasets/${dataset}/items/${caseId}` : list)
  const onRead = (id: string) => setSearch({ read: id, ...(dataset && { dataset }), ...(goesOn && { review: '1' }) }, { replace: true })
  const commands = ofLooking({
    ...pressingControls(), ...commandsOf({ session, snapshot, workstation, layout, regions, masks, labels, segments, ...cine }),
    ...explanations.commands, ...comment.commands, ...pressingMarks(), ...pressingReview(), ...readsBetween(found?.reads ?? NONE, read, onRead),
    ...(workstation && { pin: pins.pick, pointer: pointer.toggle }), help: help.toggle, leave: back,
  })
  const pane = state.panes[state.active]
  const doable = { commands, reasons: { planes: pane ? whyNoPlanes(pane) : undefined }, custom }
  useKeys({ custom, answers: NONE, commands, onPointer: pointer.take, onAnswer: () => undefined, onType: () => false })

  const room = (
    <ReadingRoom
      layout={layout}
      toolbar={
        <Toolbar {...doable} state={state} kinds={NONE} hasSegments={false} steps={{ undo: null, redo: null }}
          presets={presets} {...cine}
          onSlab={pane && pane.as !== 'stack' ? (slab) => workstation?.slab(slab) : null}
          labels={NONE} label="" onLabel={() => undefined} />
      }
      strip={reading ? <RoomStrip root={root} reading={reading} workstation={workstation} state={state} /> : null}
      viewer={<RoomImages viewer={viewer} reading={reading} pointer={pointer} masks={masks} />}
      panel={
        <>
          {overview.isPending && <Waiting />}
          {overview.isError && <Failed error={overview.error} onRetry={() => void overview.refetch()} />}
          {found && (
            <CaseSide projectId={projectId} overview={found} read={read} onRead={onRead} onBack={back} backText={t(dataset ? 'item.back' : goesOn ? 'reviews.back' : 'case.back')}
              review={read && me !== '' ? { projectId, read, me, goesOn, hasSeen } : null}
              side={{ session, snapshot, doable, state, workstation, regions, masks, talk, pins, comment, suggestions: null, explanations: explanations.panel, asked: visibleQuestions(session.questions(), snapshot.content) }} />
          )}
        </>
      }
    />
  )
  return (
    <>
      {room}
      <CheatSheet isOpen={isHelpOpen} onClose={help.close} custom={custom} answers={NONE} />
    </>
  )
}

function ofLooking(commands: Commands): Commands {
  const kept = Object.entries(commands).filter(([id]) =>
    HARMLESS_GROUPS.includes(actionOf(id as ActionId).group) || HARMLESS.includes(id as ActionId))
  return Object.fromEntries(kept)
}

/** From one person's read to the next, round at the end. */
function readsBetween(
  reads: readonly Schemas['Annotation'][], shown: Schemas['Annotation'] | undefined, onRead: (id: string) => void,
): Commands {
  if (reads.length < 2) return {}
  const index = reads.findIndex(({ id }) => id === shown?.id)
  const step = (by: 1 | -1) => () => {
    const next = reads[(index + by + reads.length) % reads.length]
    if (next) onRead(next.id)
  }
  return { read_previous: step(-1), read_next: step(1) }
}
