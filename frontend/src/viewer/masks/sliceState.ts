/** PURE. What the slices of one labelmap hold: as they were last settled, to tell what a hand changed, and as the
 * content last said, to tell what has to be written. */

/** What the content says of a slice: its hash. */
type Said = string | undefined

/** A stroke that never became content: whatever the content says is news. */
const UNKNOWN = ''

export class SliceState {
  /** Labels as last seen or written; no entry where there is none. */
  private readonly baselines = new Map<string, Uint8Array>()
  private readonly told = new Map<string, string>()
  /** What the strokes that are on their way into the content left on a slice, the oldest first; null is nothing. */
  private readonly underWay = new Map<string, readonly (Uint8Array | null)[]>()
  /** Where a stroke that was given up may still be in the picture. */
  private readonly stale = new Set<string>()

  baseline(place: string): Uint8Array | null {
    return this.baselines.get(place) ?? null
  }

  hasChanged(place: string, labels: Uint8Array): boolean {
    const before = this.baselines.get(place)
    return before ? !areEqual(before, labels) : !isBlank(labels)
  }

  /** The hand left these labels on the slice. Returns a copy; null where nothing is left. */
  painted(place: string, labels: Uint8Array): Uint8Array | null {
    const left = this.settle(place, labels.slice())
    this.setUnderWay(place, [...this.strokesOn(place), left])
    return left
  }

  /** The oldest stroke that is under way is content now, by this hash; null where nothing is left. */
  kept(place: string, sha256: string | null): void {
    this.setUnderWay(place, this.strokesOn(place).slice(1))
    if (!this.stale.has(place)) this.remember(place, sha256 ?? undefined)
  }

  /** The newest stroke that is under way will never be content: the slice is written anew once no other is. */
  dropped(place: string): void {
    this.setUnderWay(place, this.strokesOn(place).slice(0, -1))
    this.stale.add(place)
    this.told.set(place, UNKNOWN)
  }

  /** The slice goes back to what the newest stroke that is still under way left there; undefined where none is. */
  fallBack(place: string): Uint8Array | null | undefined {
    const left = this.strokesOn(place).at(-1)
    if (left !== undefined) this.settle(place, left ?? new Uint8Array())
    return left
  }

  /** The stroke was refused at once: the slice goes back to `labels`. */
  refused(place: string, labels: Uint8Array | null): void {
    this.setUnderWay(place, this.strokesOn(place).slice(0, -1))
    this.settle(place, labels ?? new Uint8Array())
  }

  /** Whether the slice does not hold yet what the content says. With a stroke under way it is ahead instead. */
  isBehind(place: string, said: Said): boolean {
    return !this.underWay.has(place) && this.told.get(place) !== said
  }

  /** All places that are behind. */
  behind(said: Readonly<Record<string, string>>): string[] {
    const places = new Set([...this.told.keys(), ...Object.keys(said)])
    return [...places].filter((place) => this.isBehind(place, said[place]))
  }

  /** The slice holds now what the content says. */
  written(place: string, sha256: Said, labels: Uint8Array | null): void {
    this.stale.delete(place)
    this.remember(place, sha256)
    this.settle(place, labels ?? new Uint8Array())
  }

  /** Every place that holds a label. */
  filled(): [string, Uint8Array][] {
    return [...this.baselines]
  }

  private strokesOn(place: string): readonly (Uint8Array | null)[] {
    return this.underWay.get(place) ?? []
  }

  private setUnderWay(place: string, strokes: readonly (Uint8Array | null)[]): void {
    if (strokes.length > 0) this.underWay.set(place, strokes)
    else this.underWay.delete(place)
  }

  private remember(place: string, sha256: Said): void {
    if (sha256 === undefined) this.told.delete(place)
    else this.told.set(place, sha256)
  }

  private settle(place: string, labels: Uint8Array): Uint8Array | null {
    if (isBlank(labels)) {
      this.baselines.delete(place)
      return null
    }
    this.baselines.set(place, labels)
    return labels
  }
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  const [wordsA, wordsB] = [words(a), words(b)]
  if (!wordsA || !wordsB) return a.every((value, i) => value === b[i])
  for (let i = 0; i < wordsA.length; i++) if (wordsA[i] !== wordsB[i]) return false
  for (let i = wordsA.length * 4; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function isBlank(labels: Uint8Array): boolean {
  const all = words(labels)
  if (!all) return labels.every((value) => value === 0)
  for (const word of all) if (word !== 0) return false
  for (let i = all.length * 4; i < labels.length; i++) if (labels[i] !== 0) return false
  return true
}

/** Four labels at a time: after a stroke every slice of a series is looked at. */
function words(labels: Uint8Array): Uint32Array | null {
  if (labels.byteOffset % 4 !== 0) return null
  return new Uint32Array(labels.buffer, labels.byteOffset, labels.length >> 2)
}
