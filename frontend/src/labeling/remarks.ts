/** Comments that are half written, each with its reader and its case: another case neither shows nor takes them, and they
 * are there again when theirs comes back, also after a crash. Knows nothing of what was sent. */
import type { PinnedPlace } from '../viewer/types'
import { storageOfBrowser } from './storageOfBrowser'

export interface Remark {
  text: string
  /** Whether it is pinned to what is in view when it is sent. */
  isPinned: boolean
  /** Where it is pinned; null where nobody has chosen. */
  place: PinnedPlace | null
}

const NOTHING: Remark = { text: '', isPinned: false, place: null }

type SyncStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { readonly length: number; key(index: number): string | null }

interface Kept extends Remark {
  at: string
}

const PREFIX = 'firstread.remark.'
const KEPT_MS = 60 * 24 * 3600 * 1000

export class Remarks {
  private readonly known = new Map<string, Remark>()
  private readonly listeners = new Set<() => void>()
  /** Written, and in this tab alone. */
  private readonly unkept = new Set<string>()

  /** @param storage what outlives the page; null where there is none. */
  constructor(private readonly storage: SyncStorage | null) {
    this.prune()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  of(name: string): Remark {
    const known = this.known.get(name) ?? this.read(name)
    this.known.set(name, known) // the same object as long as nobody writes
    return known
  }

  write(name: string, part: Partial<Remark>): void {
    const remark = { ...this.of(name), ...part }
    this.known.set(name, remark)
    this.keep(name, remark)
    this.tell()
  }

  /** The server has it; what was written meanwhile is the next one. */
  sent(name: string, text: string): void {
    if (this.of(name).text !== text) return
    this.known.set(name, NOTHING)
    this.keep(name, NOTHING)
    this.tell()
  }

  /** Whether a comment would be lost with the page. */
  get isAtRisk(): boolean {
    return this.unkept.size > 0
  }

  isHalfWritten(name: string): boolean {
    return this.of(name).text.trim() !== ''
  }

  private keep(name: string, remark: Remark): void {
    this.unkept.delete(name)
    const isEmpty = remark.text.trim() === ''
    try {
      if (isEmpty) this.storage?.removeItem(PREFIX + name)
      else this.storage?.setItem(PREFIX + name, JSON.stringify({ ...remark, at: new Date().toISOString() } satisfies Kept))
    } catch {
      if (!isEmpty) this.unkept.add(name)
    }
    if (!isEmpty && this.storage === null) this.unkept.add(name)
  }

  private read(name: string): Remark {
    const { text, isPinned, place } = this.kept(PREFIX + name) ?? NOTHING
    return text === '' ? NOTHING : { text, isPinned, place }
  }

  private kept(key: string): Kept | null {
    try {
      return JSON.parse(this.storage?.getItem(key) ?? 'null') as Kept | null
    } catch {
      return null
    }
  }

  /** Of cases that were never opened again. */
  private prune(): void {
    const { storage } = this
    const keys = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index) ?? '')
    const oldest = new Date(Date.now() - KEPT_MS).toISOString()
    for (const key of keys) if (key.startsWith(PREFIX) && (this.kept(key)?.at ?? '') < oldest) storage?.removeItem(key)
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }
}

/** Of this tab; kept in this browser. */
export const remarks = new Remarks(storageOfBrowser())
