/** PURE. What the slices of one labelmap held when they were last settled, to tell what a hand changed
 * from what the content changed. */

/** What a slice was last told to hold by the content. */
type Told = string | undefined

export class SliceState {
  /** Labels as last seen or written; no entry where there is none. */
  private readonly baselines = new Map<string, Uint8Array>()
  private readonly told = new Map<string, string>()
  /** What was painted and has not come back as content yet, oldest first. */
  private readonly underWay = new Map<string, Uint8Array[]>()

  baseline(place: string): Uint8Array | null {
    return this.baselines.get(place) ?? null
  }

  hasChanged(place: string, labels: Uint8Array): boolean {
    const before = this.baselines.get(place)
    return before ? !areEqual(before, labels) : !isBlank(labels)
  }

  /** The hand left these labels on the slice. Returns a copy; null where nothing is left. */
  painted(place: string, labels: Uint8Array): Uint8Array | null {
    const copy = labels.slice()
    this.underWay.set(place, [...(this.underWay.get(place) ?? []), copy])
    return this.settle(place, copy)
  }

  /** The stroke was refused: the slice goes back to `labels`. */
  refused(place: string, labels: Uint8Array | null): void {
    this.underWay.delete(place)
    this.settle(place, labels ?? new Uint8Array())
  }

  /** Places whose content differs from what the content said before. */
  news(slices: Readonly<Record<string, string>>): string[] {
    const places = new Set([...this.told.keys(), ...Object.keys(slices)])
    return [...places].filter((place) => this.told.get(place) !== slices[place])
  }

  /** The content says what the slice holds. True where the picture has to be written: not if this
   * is what was painted here, which is on the screen already and may have been painted on since. */
  tell(place: string, sha256: Told, labels: Uint8Array | null): boolean {
    if (sha256 === undefined) this.told.delete(place)
    else this.told.set(place, sha256)
    const waiting = this.underWay.get(place) ?? []
    const own = waiting.findIndex((copy) => (labels ? areEqual(copy, labels) : isBlank(copy)))
    if (own >= 0) {
      if (own + 1 === waiting.length) this.underWay.delete(place)
      else this.underWay.set(place, waiting.slice(own + 1))
      return false
    }
    this.underWay.delete(place)
    this.settle(place, labels ?? new Uint8Array())
    return true
  }

  /** Strokes that ended where they began come back as no news: then nothing is under way. */
  confirm(place: string, labels: Uint8Array | null): void {
    const last = this.underWay.get(place)?.at(-1)
    if (last && (labels ? areEqual(last, labels) : isBlank(last))) this.underWay.delete(place)
  }

  /** Places that were painted, with what the content says of them. */
  waiting(): [string, Told][] {
    return [...this.underWay.keys()].map((place) => [place, this.told.get(place)])
  }

  /** Every place that holds a label. */
  filled(): [string, Uint8Array][] {
    return [...this.baselines]
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
