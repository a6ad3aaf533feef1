/** Which versions of reads were on the screen in this browser: a verdict is about what was looked at. */
import { storageOfBrowser } from './storageOfBrowser'

interface Read {
  id: string
  version: number
}

const NAME = 'firstread.looks'
/** More than anybody reviews at a time. */
const KEPT = 500

export class Looks {
  private inThisTab: readonly Read[] = []

  /** @param storage what other tabs see, too; null where there is none. */
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'> | null) {}

  note({ id, version }: Read): void {
    const noted = (known: readonly Read[]) => [...known.filter((read) => read.id !== id), { id, version }].slice(-KEPT)
    this.inThisTab = noted(this.inThisTab)
    try {
      this.storage?.setItem(NAME, JSON.stringify(noted(this.inAllTabs())))
    } catch {
      // A full or forbidden store: this tab knows it.
    }
  }

  /** Whether only versions before this one were looked at; false where none was. */
  isOutdated({ id, version }: Read): boolean {
    const looked = [...this.inThisTab, ...this.inAllTabs()].filter((read) => read.id === id)
    return looked.length > 0 && looked.every((read) => read.version < version)
  }

  private inAllTabs(): readonly Read[] {
    try {
      return (JSON.parse(this.storage?.getItem(NAME) ?? '[]') as Read[])
    } catch {
      return []
    }
  }
}

export const looks = new Looks(storageOfBrowser())
