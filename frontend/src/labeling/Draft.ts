/** One annotation while it is open: its document, painted slices, autosave and the other tabs. */
import { ApiError } from '../api/client'
import { Autosave, type SaveState } from './autosave'
import { contentOf, drawnMasks, type Content } from './content'
import type { Segment } from './definition'
import { ReadingDocument, type Change } from './document'
import { keepCommitted, paint } from './edits'
import { t } from '../i18n'
import type { MaskLayer } from '../viewer/types'
import { recovery, type Found, type WorkJournal } from './journal'
import { withKnownSlices } from './knownSlices'
import { MaskStore, type Hashes, type MaskChange } from './maskStore'
import { explain } from './serverAnswers'
import type { Bytes } from './sliceFormat'
import { Strokes } from './strokes'

export interface DraftRequests {
  saveDraft(id: string, version: number, content: Content): Promise<number>
  uploadMasks(id: string, pack: Bytes): Promise<unknown>
  loadMasks(id: string, layer: number): Promise<Bytes>
}

/** The part of BroadcastChannel that tabs talk through. */
export interface Channel {
  postMessage(message: unknown): void
  close(): void
  onmessage: ((event: MessageEvent) => void) | null
}

interface Saved {
  annotationId: string
  version: number
  content: Content
}

export interface DraftServices {
  requests: DraftRequests
  journal: WorkJournal
  channel: Channel | null
  onState(state: SaveState): void
  /** Whether what is unsaved would be found again in this browser. */
  onKept(isKept: boolean): void
  /** Whether masks that the reader takes over are still being fetched. */
  onTaking(isTaking: boolean): void
  /** What the reader asked for could not be done. */
  onTrouble(error: unknown): void
}

/** Of a draft that nobody changes. */
export const UNHEARD = {
  onState: () => undefined, onKept: () => undefined, onTaking: () => undefined, onTrouble: () => undefined,
}

/** Masks that lie on the server and become ours, with whatever else the change brings, as one step. */
export interface Taking {
  masks: readonly MaskLayer[]
  /** Of the read: no other label is taken over. */
  segments: readonly Segment[]
  load: (layer: number) => Promise<Bytes>
  action: string
  change: (masks: readonly MaskLayer[]) => Change
  /** Asked once they are here: the reader goes on meanwhile. */
  isWanted: (content: Content) => boolean
}

export class Draft {
  readonly document: ReadingDocument
  readonly masks: MaskStore
  private readonly autosave: Autosave
  private state: SaveState = { kind: 'saved' }
  private readonly strokes = new Strokes((trouble) => this.showUnkept(trouble))
  /** What keeps a stroke from being saved, whatever becomes of the rest. */
  private unkept: SaveState | null = null
  private saving: SaveState = { kind: 'saved' }
  private taking: Promise<void> | null = null
  private gestures = 0
  /** How many undo and redo wait for strokes. */
  private stepping = 0
  /** How often the reader has changed something: undo that waits must not take back what came since. */
  private edits = 0
  private found: Found | null = null
  /** Facts that came up while two versions were on the screen. */
  private owed: Change[] = []
  private isClosed = false

  constructor(
    readonly id: string, version: number, raw: unknown, private readonly services: DraftServices,
  ) {
    const { requests, journal, channel } = services
    const content = contentOf(raw)
    this.document = new ReadingDocument(content)
    this.masks = new MaskStore({
      uploadMasks: (pack) => requests.uploadMasks(id, pack),
      loadMasks: (layer) => requests.loadMasks(id, layer),
    })
    this.masks.load(content)
    this.autosave = new Autosave(version, {
      keep: (v, c) => journal.write(id, { version: v, content: c }, this.masks.unsaved(c)),
      kept: () => journal.settled().then(() => services.onKept(journal.isSafe)),
      send: (v, c) => this.send(v, c),
      done: () => this.saved(),
      onState: (state) => this.show(state),
    })
    if (channel) channel.onmessage = (event) => this.heard(event.data as Saved)
  }

  get version(): number {
    return this.autosave.version
  }

  get save(): SaveState {
    return this.state
  }

  /** Whether the reader may change anything: with two versions on the screen one is chosen first. */
  get isOpen(): boolean {
    return !this.isClosed && this.state.kind !== 'conflict'
  }

  /** Work that a crashed page left in the browser comes back by itself, or asks if both changed. */
  recover(found: Found | null): void {
    const { version } = this.autosave
    const theirs = this.document.content
    this.found = found
    if (!found) return
    this.masks.restore(found.slices)
    const content = withKnownSlices(found.content, theirs, (sha256) => this.masks.has(sha256))
    const verdict = recovery({ ...found, content }, version, theirs)
    if (verdict === 'nothing') {
      this.dropFound()
      return
    }
    this.document.replace(content)
    if (verdict === 'restore') {
      this.inheritFound()
      this.autosave.change(content)
    } else {
      this.show({ kind: 'conflict', theirs: { version, content: theirs } })
    }
  }

  edit(action: string, change: Change, options: { gesture?: string } = {}): boolean {
    if (!this.isOpen || !this.document.edit(action, change, options)) return false
    this.edits++
    return this.changed()
  }

  /** A fact: during a conflict it waits for the version that is chosen. */
  stamp(change: Change): void {
    if (this.isClosed) return
    if (!this.isOpen) {
      this.owed.push(change)
      return
    }
    this.document.stamp(change)
    this.changed()
  }

  /** Take over what was painted; false where the draft cannot be changed now, or is about to be: what was painted shows
   * what undo takes back, and would bring it back. */
  paint(change: MaskChange, action: string): boolean {
    if (!this.isOpen || this.stepping > 0) return false
    const { outcome, isContinued = false } = change
    if (!isContinued) this.gestures++
    const gesture = `stroke ${this.gestures}`
    if (!isContinued) this.document.reserve(action, gesture) // what is done while it is compressed comes after it
    this.strokes.add({
      keep: async () => {
        await this.masks.store(change, (hashes) => this.keepPainted(change, hashes, action, gesture))
        this.document.giveBack(gesture)
        if (this.isClosed) outcome?.dropped()
      },
      drop: () => {
        this.document.giveBack(gesture)
        outcome?.dropped()
      },
    })
    return true
  }

  /** One at a time; false where nothing can be taken over now. */
  take(wanted: Taking): boolean {
    if (!this.isOpen || this.taking) return false
    const { services } = this
    this.taking = this.fetchAndTake(wanted).catch((error: unknown) => services.onTrouble(error)).finally(() => {
      this.taking = null
      services.onTaking(false)
    })
    services.onTaking(true)
    return true
  }

  /** Strokes that are still being compressed come before: undo takes back what was seen last. */
  undo(): Promise<boolean> {
    return this.step(() => this.strokes.giveUpLast() || (this.document.undo() && this.changed()))
  }

  redo(): Promise<boolean> {
    return this.step(() => this.document.redo() && this.changed())
  }

  /** Resolves when what was painted and taken over so far is part of the document; `save` says where it could not be kept. */
  async painted(): Promise<void> {
    await this.taking
    await this.strokes.again()
  }

  async flush(): Promise<void> {
    await this.painted()
    await this.autosave.flush()
  }

  /** Whether work would be lost if the page went away now: neither the server nor this browser has it. */
  get isAtRisk(): boolean {
    const isUnsafe = !this.autosave.isIdle && !this.services.journal.isSafe
    return !this.isClosed && (isUnsafe || !this.strokes.isIdle || this.taking !== null)
  }

  /** The page goes away: what is waiting is sent at once, unless slices must go ahead of it; the journal has those. */
  leavePage(): void {
    this.autosave.leave((version, content) => {
      if (this.masks.unsaved(content).size > 0) return
      this.services.requests.saveDraft(this.id, version, content).catch(() => undefined)
    })
  }

  /** Before a submission: nothing is under way any more. */
  async rest(): Promise<void> {
    await this.painted()
    await this.autosave.rest()
  }

  /** The submission failed: go on saving. */
  resume(): void {
    this.autosave.resume(this.state.kind === 'conflict')
  }

  /** A request whose content names slices: they go ahead of it, and once more where the server lacks some. */
  async withSlices<T>(content: Content, request: () => Promise<T>): Promise<T> {
    await this.masks.upload(content)
    try {
      return await request()
    } catch (error) {
      if (!lacksSlices(error)) throw error
      this.masks.doubt()
      await this.masks.upload(content)
      return request()
    }
  }

  keepMine(): void {
    if (this.state.kind !== 'conflict') return
    const { version, content } = this.state.theirs
    this.masks.acknowledge(content)
    this.document.stamp(keepCommitted(content)) // else the server would refuse mine for good
    this.inheritFound()
    this.autosave.settle(version, this.document.content)
    this.payOwed()
  }

  takeTheirs(): void {
    if (this.state.kind !== 'conflict') return
    const { version, content } = this.state.theirs
    this.adopt(content)
    this.autosave.settle(version, null)
    this.dropFound()
    this.payOwed()
  }

  conflict(version: number, raw: unknown): void {
    this.show({ kind: 'conflict', theirs: { version, content: contentOf(raw) } })
  }

  /** What we had handed in was taken back: a new version of it. */
  buildOn(version: number): void {
    this.autosave.buildOn(version)
  }

  finish(): void {
    this.autosave.finish()
    this.dropFound()
    this.close()
  }

  close(): void {
    this.isClosed = true
    this.strokes.close()
    this.autosave.close()
    this.services.channel?.close()
  }

  /** Nothing where the reader went on meanwhile: it would take back that. */
  private async step(act: () => boolean): Promise<boolean> {
    const { edits } = this
    this.stepping++
    await this.strokes.tried()
    this.stepping--
    return this.isOpen && this.edits === edits && act()
  }

  /** Accepted when it was drawn: a conflict that came up meanwhile must not lose it. */
  private keepPainted(change: MaskChange, hashes: Hashes, action: string, gesture: string): void {
    if (this.isClosed) return
    const { layer, series, rows, columns, outcome } = change
    outcome?.kept(hashes)
    const painted = paint({ layer, series_instance_uid: series, rows, columns }, hashes)
    if (this.document.amend(gesture, painted) || this.document.edit(action, painted, { gesture })) this.changed()
  }

  /** Strokes need not wait for the network: they wait for the merge alone. */
  private async fetchAndTake({ masks: proposed, segments, load, action, change, isWanted }: Taking): Promise<void> {
    await this.masks.borrow(proposed, load)
    const fitting = await this.masks.fitting(proposed, segments)
    await this.strokes.then(async () => {
      const masks = await this.masks.merged(drawnMasks(this.document.content), fitting)
      if (this.isClosed) return
      if (!this.isOpen || !isWanted(this.document.content)) throw new Error(t('suggestion.passed'))
      if (this.document.edit(action, change(masks))) this.changed()
    })
  }

  private payOwed(): void {
    for (const change of this.owed.splice(0)) this.stamp(change)
  }

  private changed(): true {
    this.autosave.change(this.document.content)
    return true
  }

  private async send(version: number, content: Content): Promise<number> {
    const { channel, requests } = this.services
    const next = await this.withSlices(content, () => requests.saveDraft(this.id, version, content))
    this.masks.acknowledge(content)
    const message: Saved = { annotationId: this.id, version: next, content }
    if (!this.isClosed) channel?.postMessage(message)
    return next
  }

  /** Another tab saved. One that has nothing unsaved follows; else its own save meets the conflict
   * and shows both. */
  private heard({ annotationId, version, content }: Saved): void {
    const isNews = annotationId === this.id && version > this.autosave.version
    if (!isNews || !this.isOpen || !this.autosave.isIdle) return
    this.adopt(content)
    this.autosave.settle(version, null)
  }

  private adopt(content: Content): void {
    this.masks.load(content)
    this.document.replace(content)
  }

  private saved(): void {
    void this.services.journal.clear(this.id)
    this.dropFound()
  }

  /** What is written next holds what was found: left beside it, it would come back once the server has moved on. */
  private inheritFound(): void {
    if (this.found) this.services.journal.inherit(this.id, this.found)
  }

  /** What was found is on the server now, or the reader decided against it. */
  private dropFound(): void {
    if (this.found) void this.services.journal.drop(this.id, this.found.key)
    this.found = null
  }

  private show(state: SaveState): void {
    if (state.kind === 'conflict') this.masks.load(state.theirs.content) // to be looked at
    this.saving = state
    this.state = state.kind === 'conflict' ? state : this.unkept ?? state
    this.services.onState(this.state)
  }

  private showUnkept(trouble: unknown): void {
    this.unkept = trouble === null ? null : { kind: 'unkept', message: explain(trouble) }
    this.show(this.saving)
  }
}

/** How the tabs of one browser hear of each other; null where they cannot. */
export function openBroadcast(): Channel | null {
  return typeof BroadcastChannel === 'function' ? new BroadcastChannel('firstread') : null
}

/** Slices that no draft named for a day are collected: undo may name them again. */
function lacksSlices(error: unknown): boolean {
  const fields = error instanceof ApiError ? error.problem.fields : undefined
  return Object.keys(fields ?? {}).some((path) => path.includes('masks'))
}
