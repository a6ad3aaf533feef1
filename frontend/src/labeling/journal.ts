/** Keeps unsaved work in the browser, so that a crash or a lost network loses nothing. */
import type { Content } from './answers'

export interface Entry {
  version: number
  content: Content
  at: string
}

const PREFIX = 'firstread.journal.'

export class Journal {
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {}

  write(annotationId: string, version: number, content: Content): void {
    const entry: Entry = { version, content, at: new Date().toISOString() }
    this.storage.setItem(PREFIX + annotationId, JSON.stringify(entry))
  }

  read(annotationId: string): Entry | null {
    const raw = this.storage.getItem(PREFIX + annotationId)
    if (raw === null) return null
    try {
      return JSON.parse(raw) as Entry
    } catch {
      return null
    }
  }

  clear(annotationId: string): void {
    this.storage.removeItem(PREFIX + annotationId)
  }
}

/** What to do with a journal entry that outlived its page. */
export function recovery(
  entry: Entry | null,
  version: number,
  content: Content,
): 'nothing' | 'restore' | 'conflict' {
  if (entry === null || JSON.stringify(entry.content) === JSON.stringify(content)) return 'nothing'
  return entry.version === version ? 'restore' : 'conflict'
}
