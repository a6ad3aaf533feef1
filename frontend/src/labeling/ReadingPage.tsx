/** The reading room: one case after the other. Only wiring: what is drawn is in the parts. */
import { useDisclosure } from '@mantine/hooks'
import { useDeferredValue, useEffect, useMemo, useSyncExternalStore } from 'react'
import { useNavigate, useParams } from 'react-router'
import { usePreferences, useSavePreferences } from '../app/usePreferences'
import { named } from '../i18n'
import { Waiting } from '../ui/states'
import { ActivityClock } from './activity'
import { claimOrTake } from './arriving'
import { CheatSheet } from './CheatSheet'
import { commandsOf, giveUp } from './commands'
import { definitionOfRead, kindsOf } from './definition'
import { pressingControls } from './controls'
import { planOfNext } from './hung'
import { Journal } from './journal'
import { answerKeysOf } from './keymap'
import { visibleQuestions } from './questions'
import { PanelHeader } from './ReadingPanel'
import { ReadingRoom } from './ReadingRoom'
import { ReadingSession } from './ReadingSession'
import { ReadingSide } from './ReadingSide'
import * as requests from './requests'
import { RoomImages, RoomStrip } from './RoomImages'
import { useRoomLayout } from './roomLayout'
import { SkipDialog } from './SkipDialog'
import { Toolbar } from './Toolbar'
import { useCine } from './useCine'
import { useCommentInHand } from './useCommentInHand'
import { useExplanations } from './useExplanations'
import { useHeartbeat } from './useHeartbeat'
import { useKeyPointer } from './useKeyPointer'
import { useKeys } from './useKeys'
import { useLeaving } from './useLeaving'
import { useMasks } from './useMasks'
import { presetNames, useAtRest } from './useMoving'
import { usePins } from './usePins'
import { useQuestionInHand } from './useQuestionInHand'
import { useReasons } from './useReasons'
import { useRegions } from './useRegions'
import { useSight } from './useSight'
import { useSuggestions } from './useSuggestions'
import { useTalk } from './useTalk'
import { useVersions } from './useVersions'
import { useWorkstation } from './useWorkstation'
import { whyNoPlanes } from './viewerText'

const NONE = [] as const
const REQUESTS = { ...requests, claimNext: claimOrTake }

export default function ReadingPage() {
  const { projectId = '' } = useParams()
  const navigate = useNavigate()
  const clock = useMemo(() => new ActivityClock(), [])
  const session = useMemo(() => new ReadingSession(projectId, REQUESTS, new Journal(localStorage), clock), [projectId, clock])
  const snapshot = useSyncExternalStore(session.subscribe, session.getSnapshot)
  const { keys: custom } = usePreferences()
  const savePreferences = useSavePreferences()
  const layout = useRoomLayout()
  const [isHelpOpen, help] = useDisclosure(false)
  const root = requests.dicomwebRoot(projectId)
  const versions = useVersions(snapshot)
  const { shown } = versions
  const { reading, content, next } = shown
  const { region_labels: labels = NONE, segments = NONE } = definitionOfRead(reading)
  const viewer = useWorkstation(root, reading)
  const { workstation, state, isSettled } = viewer
  const cine = useCine(workstation, state)
  const isArriving = !viewer.isFurnished && snapshot.phase === 'claiming'
  const isPanelDue = useDeferredValue(!isArriving, false) // the images go before
  const presets = useAtRest(workstation, presetNames, NONE)
  const masks = useMasks(viewer, session, shown, segments)
  const suggestions = useSuggestions(viewer, session, snapshot, segments, masks)
  const regions = useRegions(viewer, session, shown, labels, suggestions.regions)
  const pointer = useKeyPointer(viewer, () => giveUp({ regions, masks }))
  const explanations = useExplanations(viewer, root, snapshot)
  const talk = useTalk(reading?.case_id ?? null, isSettled)
  const pins = usePins(viewer, talk.comments, talk.remark)
  const comment = useCommentInHand(talk, workstation)
  const reasons = useReasons(session, snapshot, talk, masks)
  const inHand = useQuestionInHand(session, shown, workstation, regions)
  const mayHandIn = useSight(viewer, session, reading)
  const leave = () => void navigate('/')
  useLeaving(async () => {
    pointer.letGo() // whatever is under way is waited for
    let mayLeave = true
    await masks.after(async () => {
      mayLeave = await session.leave()
    })
    return mayLeave
  })
  const ofRoom = commandsOf({ session, snapshot: shown, workstation, layout, regions, masks, labels, segments, ...cine })
  const commands = {
    ...pressingControls(), ...ofRoom, ...reasons.commands, ...suggestions.commands, ...explanations.commands, ...inHand.commands,
    ...comment.commands, help: help.toggle, leave, ...(workstation && { pin: pins.pick, pointer: pointer.toggle }),
    submit: () => {
      if (mayHandIn()) ofRoom.submit?.()
    },
    ...(ofRoom.undo && {
      undo: () => {
        if (!pointer.giveUp() && !masks.giveUp()) ofRoom.undo?.() // a stroke that is being painted is the last step
      },
    }),
    cancel: () => {
      ofRoom.cancel?.()
      inHand.letGo()
    },
  }
  const asked = visibleQuestions(session.questions(), content)
  const answers = reading ? answerKeysOf(asked, inHand.question) : []
  useHeartbeat(session, clock, masks.isUnderWay)
  useKeys({ custom, answers, commands, onPointer: pointer.take, onAnswer: inHand.answer, onType: inHand.type })
  useEffect(() => void session.claim(), [session])
  useEffect(() => {
    if (workstation && next && isSettled) void workstation.prefetch(planOfNext(next))
  }, [workstation, next, isSettled])

  const pane = state.panes[state.active]
  const doable = { commands, reasons: { planes: pane ? whyNoPlanes(pane) : undefined }, custom }
  const step = (action: string | null) => (action === null ? null : named(`edit.${action}`, action))
  if (isArriving) return <Waiting />
  return (
    <>
      <ReadingRoom
        layout={layout}
        toolbar={
          <Toolbar {...doable} state={state} kinds={kindsOf(labels, regions.label)} hasSegments={segments.length > 0}
            steps={{ undo: step(snapshot.undoName), redo: step(snapshot.redoName) }}
            presets={presets} {...cine}
            onSlab={pane && pane.as !== 'stack' ? (slab) => workstation?.slab(slab) : null}
            labels={labels} label={regions.label} onLabel={regions.setLabel} />
        }
        strip={reading && hasChoice(reading) ? <RoomStrip root={root} reading={reading} workstation={workstation} state={state} /> : null}
        viewer={<RoomImages viewer={viewer} reading={reading} pointer={pointer} masks={masks} />}
        panel={isPanelDue && (
          <>
            <PanelHeader count={snapshot.count} isLeaving={snapshot.phase === 'leaving'} onHelp={help.open} onLeave={leave} />
            <ReadingSide session={session} snapshot={shown} versions={versions} doable={doable} state={state} workstation={workstation}
              regions={regions} masks={masks} talk={talk} pins={pins} inHand={inHand} comment={comment} suggestions={suggestions.bar} explanations={explanations.panel} asked={asked} />
          </>
        )}
      />
      <CheatSheet isOpen={isHelpOpen} onClose={help.close} custom={custom} answers={answers}
        onChange={(changed) => savePreferences({ keys: { ...changed } })} />
      <SkipDialog asked={reasons.asked} standing={reasons.standing} isBusy={talk.isBusy} onCancel={reasons.cancel} onConfirm={reasons.confirm} />
    </>
  )
}

function hasChoice({ study, priors }: { study: { series: readonly unknown[] }; priors: readonly unknown[] }): boolean {
  return study.series.length > 1 || priors.length > 0
}
