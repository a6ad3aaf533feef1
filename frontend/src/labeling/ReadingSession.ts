/** The life of the reading page: claim, annotate, autosave, submit, take back. Plain TypeScript, so
 * that every rule can be tested; the page only draws `snapshot`. */
import { ApiError, type Reading } from '../api/client'
import type { MaskLayer, Region } from '../viewer/types'
import type { ActivityClock } from './activity'
import { afterChoosing } from './choosing'
import type { SaveState } from './autosave'
import type { Answer, ScopedPlace, SuggestionAction } from './content'
import { definitionOfRead, mayBeDrawn, segmentsOfRead, type Question } from './definition'
import type { Change, ReadingDocument } from './document'
import { Draft, openBroadcast, UNHEARD, type Channel } from './Draft'
import * as edits from './edits'
import { fittingFound } from './fittingSlices'
import type { WorkJournal } from './journal'
import type { MaskChange } from './maskStore'
import { Observable } from './observable'
import { Parting } from './Parting'
import { explain, hasStudyGrown, isLeaseLost, isSignedOut } from './serverAnswers'
import type { Bytes } from './sliceFormat'
import { isStuck, mayHaveArrived, Stuck, Submission } from './Submission'
import { isUndecided, proposedBy } from './suggested'
import { asAsked, askedOfLabel, begun, firstMissing, normalAnswers, withNewDefaults } from './questions'
import { isLeaseLostIn, NO_CONTENT, NOTHING_YET, openedWith, shownOf, UNTROUBLED, type Phase, type Requests, type Snapshot } from './sessionState'
import { withStudyOfNow } from './studyOfNow'
import { typedNumbers } from './typedNumbers'

export type { Phase, Requests, Snapshot } from './sessionState'

export class ReadingSession extends Observable<Snapshot> {
  private draft: Draft | null = null
  private submission: { draft: Draft; of: Submission } | null = null
  private handing: Promise<void> | null = null
  private readonly parting = new Parting()
  /** The reader has left the page. */
  private isGone = false

  constructor(
    readonly projectId: string,
    private readonly requests: Requests,
    private readonly journal: WorkJournal,
    private readonly clock: Pick<ActivityClock, 'take' | 'giveBack'>,
    private readonly openChannel: () => Channel | null = openBroadcast,
  ) {
    super(NOTHING_YET)
  }

  /** The open case's document; the layers of the viewer subscribe to it. */
  get document(): ReadingDocument | null {
    return this.draft?.document ?? null
  }

  async claim(): Promise<void> {
    const { phase } = this.state
    this.set({ phase: 'claiming', message: '', isSignedOut: false })
    // Drafts are saved without a lease, too.
    if (await this.mayGo(phase)) await this.enter(() => this.requests.claimNext(this.projectId))
  }

  private async mayGo(before: Phase): Promise<boolean> {
    const may = await this.parting.mayGo(this.draft)
    this.set({ isAboutToLose: !may, ...(!may && { phase: before }) })
    return may
  }

  /** Open what was claimed; `told` is shown along with it, for the page to be drawn once. */
  private async enter(claimed: () => Promise<Reading | null>, told: Partial<Snapshot> = {}): Promise<void> {
    try {
      const reading = await claimed()
      if (this.isGone) {
        await this.giveBack(reading?.assignment)
      } else if (reading === null) {
        this.closeDraft()
        this.set({ phase: 'finished', reading: null, next: null, content: NO_CONTENT })
      } else {
        await this.open(reading, told)
      }
    } catch (error) {
      this.set({ ...told, phase: 'failed', message: explain(error), isSignedOut: isSignedOut(error) })
    }
  }

  /** Show a read that is not to be changed. */
  look(reading: Reading): void {
    this.closeDraft()
    const { id, version, content } = reading.annotation
    const { requests, journal } = this
    const draft = new Draft(id, version, content, { requests, journal, channel: null, ...UNHEARD })
    this.draft = draft
    this.set({ phase: 'looking', reading, ...UNTROUBLED, suggestions: [], ...shownOf(draft) })
  }

  /** One step of the reader on the open case; false where it is refused or changes nothing. */
  edit(action: string, change: Change, options: { gesture?: string } = {}): boolean {
    if (this.state.phase !== 'reading' || !this.draft) return false
    return this.draft.edit(action, this.asked(change), options)
  }

  /** An option of a study question was pressed: `many` toggles it, any other kind takes it. */
  choose(questionKey: string, option: string | null): void {
    const question = this.questions().find((q) => q.key === questionKey)
    if (!question) return
    this.edit('answer', (content) =>
      edits.answer(question.key, afterChoosing(question, content.answers[question.key], option))(content))
  }

  /** Null takes it back; text and sliders pass a gesture. */
  answer(key: string, value: Answer, gesture?: string): boolean {
    return this.edit('answer', edits.answer(key, value), edits.gestureOf(gesture))
  }

  answerScoped(place: ScopedPlace, key: string, value: Answer, gesture?: string): boolean {
    return this.edit('answer', edits.answerScoped(place, key, value), edits.gestureOf(gesture))
  }

  answerRegion(id: string, key: string, value: Answer, gesture?: string): boolean {
    return this.edit('answer', edits.answerRegion(id, key, value), edits.gestureOf(gesture))
  }

  mayDraw(region: Pick<Region, 'label' | 'kind'>): boolean {
    return mayBeDrawn(definitionOfRead(this.state.reading), region)
  }

  /** Another label for a region. Answers to questions that are not asked of it go in the same step, so that
   * undo brings them back; says how many. */
  relabelRegion(id: string, label: string): number {
    const count = () => Object.keys(edits.findRegion(this.state.content, id)?.answers ?? {}).length
    const before = count()
    this.edit('region_relabel', edits.relabelRegion(id, label, askedOfLabel(this.questions(), label)))
    return Math.max(before - count(), 0)
  }

  /** One click for a normal case: every open question with a normal answer gets it. */
  answerNormal(): boolean {
    return this.edit('normal', (content) =>
      edits.withAnswers(content, normalAnswers(this.questions(), content)))
  }

  /** A stroke of a mask tool; its slices are compressed in the background. */
  paint(change: MaskChange, action = 'paint'): boolean {
    return this.state.phase === 'reading' && this.draft !== null && this.draft.paint(change, action)
  }

  /** The labels of a painted slice. */
  readonly readMask = (sha256: string): Promise<Uint8Array> => {
    if (!this.draft) return Promise.reject(new Error('No case is open.'))
    return this.draft.masks.read(sha256)
  }

  /** Take back and repeat steps on the open case. */
  async undoEdit(): Promise<void> {
    if (this.state.phase === 'reading') await this.draft?.undo()
  }

  async redoEdit(): Promise<void> {
    if (this.state.phase === 'reading') await this.draft?.redo()
  }

  /** Hold fast what was answered and drawn so far, for ever, and show what models propose; names the question
   * that still needs an answer. */
  async reveal(now: Date): Promise<void> {
    const { reading, phase, content } = this.state
    const { draft } = this
    if (!reading || !draft?.isOpen || phase !== 'reading' || (!content.first_impression && this.stumbles())) return
    await draft.flush() // what the server refuses must not be held fast for ever: nobody could mend it
    if (draft.save.kind === 'refused' || isStuck(draft.save)) return // its notice says why
    draft.stamp(edits.commitFirstImpression(asAsked(this.questions(), draft.document.content), now.toISOString()))
    try {
      await draft.flush()
      if (isStuck(draft.save)) return // without the impression the server shows nothing
      const suggestions = await this.requests.suggestions(reading.case_id)
      if (this.state.reading?.case_id === reading.case_id) this.set({ suggestions, isRevealed: true, message: '' })
    } catch (error) {
      this.set({ message: explain(error) })
    }
  }

  /** Note that a suggestion was seen, or what became of it. */
  recordSuggestion(id: string, action: SuggestionAction, now: Date): void {
    const change = edits.recordSuggestion({ id, action, at: now.toISOString() })
    if (action === 'shown') this.draft?.stamp(change)
    else this.edit(`suggestion_${action}`, change)
  }

  /** Take over all that a model proposes, as one step. */
  takeSuggestion(id: string, action: 'accepted' | 'edited', now: Date): boolean {
    const suggestion = this.state.suggestions.find((one) => one.id === id)
    const { draft } = this
    if (!suggestion || !draft || this.state.phase !== 'reading') return false
    const { masks, ...proposed } = proposedBy(suggestion)
    const before = draft.document.content
    const change = (taken: readonly MaskLayer[]) =>
      this.asked(edits.takeSuggestion({ ...proposed, masks: taken }, { id, action, at: now.toISOString() }, before))
    const step = `suggestion_${action}`
    if (masks.length === 0) return draft.edit(step, change([]))
    return draft.take({ masks, segments: segmentsOfRead(this.state.reading), load: this.suggestedBy(id), action: step, change, isWanted: (content) => isUndecided(content, id) })
  }

  /** Fetch what a suggestion has painted, so that `readMask` finds it. */
  async loadSuggested(id: string): Promise<void> {
    const suggestion = this.state.suggestions.find((one) => one.id === id)
    if (suggestion) await this.draft?.masks.borrow(proposedBy(suggestion).masks, this.suggestedBy(id))
  }

  /** Hand in and go on; names the question that still needs an answer. */
  async submit(): Promise<void> {
    const { reading, phase } = this.state
    const { draft } = this
    if (!reading || !draft || phase !== 'reading') return
    if (this.stumbles()) return
    this.set({ phase: 'submitting', ...UNTROUBLED })
    this.handing = this.handIn(draft, reading)
    await this.handing
    this.handing = null
  }

  private async handIn(draft: Draft, reading: Reading): Promise<void> {
    let next: Reading | null
    try {
      next = await this.submissionOf(draft).send((content) => asAsked(this.questions(), content), reading.study_revision)
    } catch (error) {
      await this.failedSubmit(error, draft, reading)
      return
    }
    draft.finish()
    const told = { lastSubmitted: draft.id, count: this.state.count + 1 }
    if (next && !this.isGone) return this.enter(() => Promise.resolve(next), told)
    this.set(told)
    if (this.isGone) await this.giveBack(next?.assignment)
    else await this.claim()
  }

  /** One per draft: what was sent of another says nothing of this. */
  private submissionOf(draft: Draft): Submission {
    if (this.submission?.draft !== draft) this.submission = { draft, of: new Submission(draft, this.requests, this.clock) }
    return this.submission.of
  }

  /** Give the case back for good, with the reason, and go on. */
  async skip(reason: string): Promise<void> {
    const { lease, phase } = this.state
    if (!lease || phase !== 'reading') return
    try {
      if (!(await this.mayGo('reading'))) return
      await this.requests.skip(lease.id, reason)
    } catch (error) {
      this.set(isLeaseLost(error) ? { isLeaseLost: true } : { message: explain(error) })
      return
    }
    await this.claim()
  }

  /** Take back the last submission; the case shown meanwhile returns to the worklist. */
  async undo(): Promise<void> {
    const { lastSubmitted, phase } = this.state
    if (lastSubmitted === null || ['submitting', 'claiming', 'leaving'].includes(phase)) return
    this.set({ phase: 'claiming', message: '' }) // what is done on a case that is about to go would be lost
    this.handing = this.takeBack(lastSubmitted, phase)
    await this.handing
    this.handing = null
  }

  private async takeBack(submitted: string, before: Phase): Promise<void> {
    let reading: Reading
    try {
      if (!(await this.mayGo(before))) return
      reading = await this.requests.reopen(submitted)
    } catch (error) {
      this.set({ phase: before, message: explain(error) })
      return
    }
    if (this.isGone) await this.giveBack(reading.assignment)
    else await this.enter(() => Promise.resolve(reading), { lastSubmitted: null, count: Math.max(this.state.count - 1, 0) })
  }

  /** Keep the lease while the page is open, or get it back, and tell the seconds in which the reader was active. */
  async beat(): Promise<void> {
    const { lease, phase } = this.state
    if (!lease || phase !== 'reading') return
    const seconds = this.clock.take()
    try {
      const held = await this.requests.heartbeat(lease.id, seconds)
      if (this.state.lease === lease && (held.id !== lease.id || this.state.isLeaseLost)) this.set({ lease: held, isLeaseLost: false })
    } catch (error) {
      if (this.state.lease !== lease) return
      this.clock.giveBack(seconds)
      if (isLeaseLost(error)) this.set({ isLeaseLost: true })
    }
  }

  /** Settle a conflict: keep what I have, or take what another tab saved. */
  readonly keepMine = (): void => this.draft?.keepMine()
  readonly takeTheirs = (): void => this.draft?.takeTheirs()

  /** Leave the page: save what waits and give the case back; false where the reader should stay. */
  async leave(): Promise<boolean> {
    this.isGone = true
    await this.handing
    const { phase } = this.state
    this.set({ phase: 'leaving' }) // what is done from now on would be lost
    this.isGone = await this.mayGo(phase)
    if (!this.isGone) return false
    this.draft?.close()
    if (phase === 'reading') void this.giveBack(this.state.lease) // a server that hangs must not hold the reader
    return true
  }

  private async giveBack(lease: Snapshot['lease'] = null): Promise<void> {
    if (lease) await this.requests.release(lease.id).catch(() => undefined)
  }

  /** The page goes away: nobody waits for what is sent now. */
  leavePage(): void {
    this.draft?.leavePage()
  }

  get isAtRisk(): boolean {
    return this.draft?.isAtRisk ?? false
  }

  /** The page is left another way. */
  dispose(): void {
    this.isGone = true
    this.hush()
    const { draft } = this
    void draft?.flush().finally(() => draft.close())
  }

  questions(): readonly Question[] {
    return definitionOfRead(this.state.reading).questions ?? []
  }

  /** Whether a number does not fit or a required answer is missing: the snapshot says which. */
  private stumbles(): boolean {
    const { content } = this.state
    const found = typedNumbers.first(this.questions(), content) ?? firstMissing(this.questions(), content)
    if (found) this.set({ missing: found.question.key, missingAt: found.subject })
    return found !== null
  }

  private suggestedBy(id: string): (layer: number) => Promise<Bytes> {
    const caseId = this.state.reading?.case_id ?? ''
    return (layer) => this.requests.loadSuggestedMasks(caseId, id, layer)
  }

  private asked(change: Change): Change {
    return (content) => withNewDefaults(this.questions(), content, change(content))
  }

  private async open(reading: Reading, told: Partial<Snapshot> = {}): Promise<void> {
    this.closeDraft()
    this.clock.take() // what was active before belongs to the case before
    const { id, version, content } = reading.annotation
    const found = await fittingFound(await this.journal.read(id), segmentsOfRead(reading))
    const shown = (tell: () => unknown): unknown => this.draft === draft && tell()
    const draft = new Draft(id, version, begun(definitionOfRead(reading).questions ?? [], content), {
      requests: this.requests, journal: this.journal, channel: this.openChannel(),
      onState: (save) => shown(() => this.showSave(save)),
      onKept: (isKept) => shown(() => isKept !== this.state.isKept && this.set({ isKept })),
      onTaking: (isTaking) => shown(() => this.set({ isTaking })),
      onTrouble: (error) => shown(() => this.set({ message: explain(error) })),
    })
    this.draft = draft
    draft.document.subscribe(() => this.showContent(draft))
    this.set({ ...openedWith(reading, draft), ...told })
    draft.recover(found)
    void this.lookAhead(reading.case_id)
  }

  private closeDraft(): void {
    typedNumbers.clear()
    this.draft?.close()
    this.draft = null
  }

  private showContent(draft: Draft): void {
    if (this.draft === draft) this.set({ ...shownOf(draft), missing: null, missingAt: null, problems: {}, isAboutToLose: false })
  }

  private showSave(save: SaveState): void {
    this.set({ save, ...(isLeaseLostIn(save) && { isLeaseLost: true }), ...(save.kind === 'saved' && { isSignedOut: false, isAboutToLose: false }) })
  }

  private async failedSubmit(error: unknown, draft: Draft, shown: Reading): Promise<void> {
    const problem = error instanceof ApiError ? error.problem : undefined
    if (problem?.current) draft.conflict(problem.current.version, problem.current.content)
    draft.resume()
    // What was refused is a draft as before.
    if (!mayHaveArrived(error) && !problem?.current) await draft.flush()
    const reading = hasStudyGrown(error) ? await withStudyOfNow(shown, this.requests) : shown
    this.set({ phase: 'reading', reading, isLeaseLost: isLeaseLost(error), problems: problem?.fields ?? {} })
    if (error instanceof Stuck || problem?.current || isLeaseLost(error)) return // the notice says what is wrong
    this.set(isSignedOut(error) ? { isSignedOut: true } : { message: explain(error) })
  }

  private async lookAhead(caseId: string): Promise<void> {
    // Prefetching is a convenience; the claim itself reports what is wrong.
    const coming = await this.requests.upcoming(this.projectId).catch(() => [])
    if (this.state.reading?.case_id === caseId) this.set({ next: coming.find((c) => c.case_id !== caseId) ?? null })
  }
}
