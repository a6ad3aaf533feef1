/** Keeps unsaved work in the browser, so that a crash or a lost network loses nothing. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import { isSameJson, type Content } from './content'
import type { Bytes } from './sliceFormat'

export interface Entry {
  version: number
  content: Content
  at: string
}

/** An entry that outlived its page, with the slices that only this browser has. */
export interface Found extends Entry {
  key: string
  slices: ReadonlyMap<string, Bytes>
}

/** What autosave needs of a journal. */
export interface WorkJournal {
  write(annotationId: string, entry: Omit<Entry, 'at'>, slices: ReadonlyMap<string, Bytes>): void
  /** Resolves when nothing is being written any more. */
  settled(): Promise<void>
  /** Whether what was written last would be found again after a crash now: not while bytes of slices are on their way
   * to the database, and not where this browser keeps nothing. */
  readonly isSafe: boolean
  read(annotationId: string): Promise<Found | null>
  /** This page's entry is on the server, or was given up for another version. */
  clear(annotationId: string): Promise<void>
  /** What is written from now on holds what was found as well: that entry goes as soon as this page's own is there. */
  inherit(annotationId: string, found: Pick<Found, 'key' | 'at'>): void
  /** An entry that was found has been dealt with. */
  drop(annotationId: string, key: string): Promise<void>
}

interface Schema extends DBSchema {
  entries: {
    key: string
    value: Entry & { key: string; annotation_id: string }
    indexes: { annotation: string }
  }
  slices: {
    key: [string, string]
    value: { annotation_id: string; sha256: string; bytes: Bytes }
    indexes: { annotation: string }
  }
}

/** An entry in `storage`, with the key of its writer in the database; copies of before that database have none. */
type Copy = Entry & { key?: string }

type SyncStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const DATABASE = 'firstread'
const PREFIX = 'firstread.journal.'
const KEPT_MS = 60 * 24 * 3600 * 1000

export class Journal implements WorkJournal {
  /** Two tabs on one annotation never overwrite each other's entry. */
  private readonly writer = crypto.randomUUID()
  private readonly database: Promise<IDBPDatabase<Schema> | null>
  private queue: Promise<void> = Promise.resolve()
  private readonly turns = new Map<string, number>()
  private readonly inherited = new Map<string, Pick<Found, 'key' | 'at'>>()
  private isKept = true

  /** `storage` (localStorage) holds the last change until the database has it: it alone can be
   * written while a page goes away. Journals of before this database are found there, too. */
  constructor(private readonly storage: SyncStorage) {
    this.database = open()
  }

  write(
    annotationId: string, entry: Omit<Entry, 'at'>, slices: ReadonlyMap<string, Bytes>,
  ): void {
    const dated: Entry = { ...entry, at: new Date().toISOString() }
    const copy = this.writeCopy(annotationId, { ...dated, key: this.key(annotationId) })
    this.isKept = copy !== null && slices.size === 0
    const turn = this.nextTurn(annotationId)
    this.enqueue(async (database) => {
      if (turn !== this.turns.get(annotationId)) return // a later entry holds all of this
      await this.put(database, annotationId, dated, slices)
      if (turn === this.turns.get(annotationId)) this.isKept = true
      if (copy !== null && this.storage.getItem(PREFIX + annotationId) === copy) {
        this.storage.removeItem(PREFIX + annotationId)
      }
    })
  }

  get isSafe(): boolean {
    return this.isKept
  }

  settled(): Promise<void> {
    return this.queue
  }

  async read(annotationId: string): Promise<Found | null> {
    await this.queue
    const database = await this.database
    const copy = this.readCopy(annotationId)
    const asCopied = copy && { ...copy, key: PREFIX, slices: new Map<string, Bytes>() }
    if (!database) return asCopied
    try {
      if (copy) await this.takeOver(database, annotationId, copy)
      return await this.newest(database, annotationId)
    } catch (error) {
      console.error('journal', error) // a full disk keeps nobody from the case
      return asCopied
    }
  }

  private async newest(database: IDBPDatabase<Schema>, annotationId: string): Promise<Found | null> {
    const entries = await database.getAllFromIndex('entries', 'annotation', annotationId)
    const newest = entries.sort((a, b) => a.at.localeCompare(b.at)).at(-1)
    if (!newest) return null
    const slices = await database.getAllFromIndex('slices', 'annotation', annotationId)
    return { ...newest, slices: new Map(slices.map(({ sha256, bytes }) => [sha256, bytes])) }
  }

  clear(annotationId: string): Promise<void> {
    this.isKept = true
    const turn = this.nextTurn(annotationId)
    return this.drop(annotationId, this.key(annotationId)).then(() => {
      if (this.turns.get(annotationId) === turn) this.turns.delete(annotationId) // nothing older waits any more
    })
  }

  inherit(annotationId: string, { key, at }: Pick<Found, 'key' | 'at'>): void {
    this.inherited.set(annotationId, { key, at })
  }

  drop(annotationId: string, key: string): Promise<void> {
    if (key === PREFIX || key === this.key(annotationId)) this.storage.removeItem(PREFIX + annotationId)
    this.enqueue((database) => forget(database, annotationId, key))
    return this.queue
  }

  private nextTurn(annotationId: string): number {
    const turn = (this.turns.get(annotationId) ?? 0) + 1
    this.turns.set(annotationId, turn)
    return turn
  }

  private async put(
    database: IDBPDatabase<Schema>, annotationId: string, entry: Entry, slices: ReadonlyMap<string, Bytes>,
  ): Promise<void> {
    const change = database.transaction(['entries', 'slices'], 'readwrite')
    const store = change.objectStore('slices')
    const known = new Set((await store.index('annotation').getAllKeys(annotationId)).map(([, sha]) => sha))
    for (const [sha256, bytes] of slices) {
      if (!known.has(sha256)) void store.put({ annotation_id: annotationId, sha256, bytes })
    }
    const entries = change.objectStore('entries')
    const old = this.inherited.get(annotationId)
    // Another tab may have written more there since.
    if (old && (await entries.get(old.key))?.at === old.at) void entries.delete(old.key)
    const key = this.key(annotationId)
    void entries.put({ ...entry, key, annotation_id: annotationId })
    await change.done
    this.inherited.delete(annotationId)
  }

  private key(annotationId: string): string {
    return `${annotationId}/${this.writer}`
  }

  private enqueue(work: (database: IDBPDatabase<Schema>) => Promise<void>): void {
    this.queue = this.queue
      .then(async () => {
        const database = await this.database
        if (database) await work(database)
      })
      // The copy in `storage` stays; `isSafe` says whether that is all of the work.
      .catch((error: unknown) => console.error('journal', error))
  }

  private writeCopy(annotationId: string, entry: Copy): string | null {
    const copy = JSON.stringify(entry)
    try {
      this.storage.setItem(PREFIX + annotationId, copy)
      return copy
    } catch {
      return null // too large for this storage: the database alone will have it
    }
  }

  private readCopy(annotationId: string): Copy | null {
    const raw = this.storage.getItem(PREFIX + annotationId)
    if (raw === null) return null
    try {
      return JSON.parse(raw) as Copy
    } catch {
      return null
    }
  }

  /** The copy takes the place of what its writer had in the database: left beside it, that would come back as a conflict
   * once the copy is saved. */
  private async takeOver(database: IDBPDatabase<Schema>, annotationId: string, copy: Copy): Promise<void> {
    const { key = `${annotationId}/copy` } = copy
    const change = database.transaction('entries', 'readwrite')
    const known = await change.store.get(key)
    // The last entry may have been too large for a copy, and this one is of before.
    if (!known || known.at <= copy.at) void change.store.put({ ...copy, key, annotation_id: annotationId })
    await change.done
    this.storage.removeItem(PREFIX + annotationId)
  }
}

/** Null where the browser keeps no databases (some private windows). */
async function open(): Promise<IDBPDatabase<Schema> | null> {
  try {
    const database = await openDB<Schema>(DATABASE, 1, {
      upgrade(created) {
        const entries = created.createObjectStore('entries', { keyPath: 'key' })
        entries.createIndex('annotation', 'annotation_id')
        const slices = created.createObjectStore('slices', { keyPath: ['annotation_id', 'sha256'] })
        slices.createIndex('annotation', 'annotation_id')
      },
    })
    await prune(database)
    return database
  } catch (error) {
    console.error('journal', error)
    return null
  }
}

/** Entries of cases that were never opened again would pile up for ever. */
async function prune(database: IDBPDatabase<Schema>): Promise<void> {
  const oldest = new Date(Date.now() - KEPT_MS).toISOString()
  for (const entry of await database.getAll('entries')) {
    if (entry.at < oldest) await forget(database, entry.annotation_id, entry.key)
  }
}

/** Delete an entry, and the slices of its annotation once no entry needs them. */
async function forget(
  database: IDBPDatabase<Schema>, annotationId: string, key: string,
): Promise<void> {
  const change = database.transaction(['entries', 'slices'], 'readwrite')
  await change.objectStore('entries').delete(key)
  if ((await change.objectStore('entries').index('annotation').count(annotationId)) === 0) {
    const slices = change.objectStore('slices')
    const keys = await slices.index('annotation').getAllKeys(annotationId)
    await Promise.all(keys.map((slice) => slices.delete(slice)))
  }
  await change.done
}

/** What to do with a journal entry that outlived its page. */
export function recovery(
  entry: Entry | null,
  version: number,
  content: Content,
): 'nothing' | 'restore' | 'conflict' {
  if (entry === null || isSameJson(entry.content, content)) return 'nothing'
  return entry.version === version ? 'restore' : 'conflict'
}
