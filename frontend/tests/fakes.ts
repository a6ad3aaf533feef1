/** The far ends of a reading session: a server, a journal that outlives pages, tabs. */
import { ApiError, Offline, type Reading, type Schemas } from '../src/api/client'
import type { Content } from '../src/labeling/content'
import type { Channel } from '../src/labeling/Draft'
import type { Entry, Found, WorkJournal } from '../src/labeling/journal'
import { ReadingSession, type Requests } from '../src/labeling/ReadingSession'
import { pack, unpack, type Bytes } from '../src/labeling/sliceFormat'

/** The server at the far end of the network: cases in order, drafts with versions. */
export class FakeServer implements Requests {
  readonly drafts = new Map<string, { version: number; content: Content }>()
  readonly submitted: string[] = []
  readonly skipped: string[] = []
  readonly slices = new Map<string, Bytes>()
  proposed: Awaited<ReturnType<Requests['suggestions']>> = []
  uploads = 0
  isAway = false
  /** What every request is answered with. */
  trouble: ApiError | null = null
  saves = 0
  leaseIsLost = false
  /** Rises with everything that comes of the study on the screen. */
  studyRevision = 1
  private position = 0

  constructor(private readonly cases: string[]) {}

  claimNext(): Promise<Reading | null> {
    this.check()
    const id = this.cases[this.position]
    return Promise.resolve(id === undefined ? null : this.reading(id))
  }

  upcoming(): Promise<never[]> {
    return Promise.resolve([])
  }

  suggestions(): ReturnType<Requests['suggestions']> {
    this.check()
    return Promise.resolve(this.proposed)
  }

  saveDraft(id: string, version: number, content: Content): Promise<number> {
    this.saves++
    this.check()
    const known = this.drafts.get(id) ?? { version: 1, content: { answers: {} } }
    if (known.version !== version) {
      return Promise.reject(problem(412, 'stale_version', { current: known }))
    }
    const named = (content.masks ?? []).flatMap((m) => Object.values(m['slices'] as object) as string[])
    if (named.some((sha256) => !this.slices.has(sha256) && !this.suggestedSlices.has(sha256))) {
      return Promise.reject(problem(400, 'invalid', { fields: { masks: 'unknown bytes' } }))
    }
    this.drafts.set(id, { version: version + 1, content })
    return Promise.resolve(version + 1)
  }

  submit(id: string, version: number, content: Content, ...[, studyRevision = this.studyRevision]: number[]): Promise<Reading | null> {
    this.check()
    if (studyRevision < this.studyRevision) return Promise.reject(problem(409, 'study_changed'))
    if (this.leaseIsLost) return Promise.reject(problem(409, 'lease_lost'))
    const known = this.drafts.get(id)
    if (known && known.version !== version) return Promise.reject(problem(412, 'stale_version', { current: known }))
    this.drafts.set(id, { version: version + 1, content })
    this.submitted.push(id)
    this.position += 1
    return this.claimNext()
  }

  lookAt(caseId: string): Promise<Reading> {
    this.check()
    return Promise.resolve(this.reading(caseId.replace('case of ', '')))
  }

  reopen(id: string): Promise<Reading> {
    this.submitted.pop()
    this.position -= 1
    return Promise.resolve(this.reading(id))
  }

  heartbeat(id: string): ReturnType<Requests['heartbeat']> {
    return this.leaseIsLost ? Promise.reject(problem(409, 'lease_lost')) : Promise.resolve(leaseOf(id))
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  skip(_: string, reason: string): Promise<void> {
    this.skipped.push(reason)
    this.position += 1
    return Promise.resolve()
  }

  uploadMasks(_: string, body: Bytes): Promise<void> {
    this.check()
    for (const [sha256, bytes] of unpack(body)) {
      this.slices.set(sha256, bytes)
      this.uploads++
    }
    return Promise.resolve()
  }

  /** What a model painted; the draft may name it without an upload. */
  readonly suggestedSlices = new Map<string, Bytes>()

  loadSuggestedMasks(): Promise<Bytes> {
    this.check()
    return Promise.resolve(pack(this.suggestedSlices))
  }

  loadMasks(): Promise<Bytes> {
    this.check()
    return Promise.resolve(pack(this.slices))
  }

  private check(): void {
    if (this.isAway) throw new Offline('away')
    if (this.trouble) throw this.trouble
  }

  reading(id: string): Reading {
    const { version, content } = this.drafts.get(id) ?? { version: 1, content: { answers: {} } }
    const question = {
      key: 'nodule', label: 'Nodule?', kind: 'one', required: true,
      options: [{ key: 'no', label: 'No', hotkey: '1' }, { key: 'yes', label: 'Yes', hotkey: '2' }],
    }
    const shape = { key: 'shape', label: 'Shape?', kind: 'text', scope: 'region', for_labels: ['nodule'], required: false }
    const region_labels = [{ key: 'nodule', label: 'Nodule' }, { key: 'mass', label: 'Mass', kinds: ['polygon'] }]
    const segments = [{ value: 1 }, { value: 2 }, { value: 3 }, { value: 4, layer: 1 }]
    const schema = { id: 's', version: 1, definition: { questions: [question, shape], region_labels, segments } }
    return {
      case_id: `case of ${id}`, study_revision: this.studyRevision, study: { revision: this.studyRevision }, assignment: { id: `assignment of ${id}` },
      annotation: { id, version, content, schema, asked: [] },
    } as unknown as Reading
  }
}

export function leaseOf(id: string): Schemas['Assignment'] {
  return { id, case: '', state: 'active', selection: 'ranked', expires_at: '' }
}

export function problem(status: number, code: string, extra: object = {}): ApiError {
  return new ApiError({ status, code, detail: code, ...extra })
}

/** The browser's journal, which outlives its pages (the real one: journal.test.ts). */
export class MemoryJournal implements WorkJournal {
  isSafe = true

  constructor(private readonly entries: Map<string, Found>) {}

  write(id: string, entry: Omit<Entry, 'at'>, slices: ReadonlyMap<string, Bytes>): void {
    this.entries.set(id, { ...entry, at: '', key: id, slices: new Map(slices) })
  }
  settled(): Promise<void> {
    return Promise.resolve()
  }
  read(id: string): Promise<Found | null> {
    return Promise.resolve(this.entries.get(id) ?? null)
  }
  clear(id: string): Promise<void> {
    this.entries.delete(id)
    return Promise.resolve()
  }
  inherit(): void {
    // A case has one entry here, whoever writes it.
  }
  drop(id: string): Promise<void> {
    return this.clear(id)
  }
}

/** Tabs of one browser. */
export class Tabs {
  private readonly open = new Set<Channel>()

  join = (): Channel => {
    const channel: Channel = {
      onmessage: null,
      close: () => void this.open.delete(channel),
      postMessage: (data) => {
        for (const other of this.open) {
          if (other !== channel) other.onmessage?.({ data } as MessageEvent)
        }
      },
    }
    this.open.add(channel)
    return channel
  }
}

const A_SECOND_EACH = { take: () => 1, giveBack: () => undefined }

/** A page that has just got its case: the only tab of a browser that kept nothing. */
export async function openSession(
  server: FakeServer, clock: ConstructorParameters<typeof ReadingSession>[3] = A_SECOND_EACH,
): Promise<ReadingSession> {
  const session = new ReadingSession('p', server, new MemoryJournal(new Map()), clock, new Tabs().join)
  await session.claim()
  return session
}
