/** Brings label maps up to what the content says, slice by slice and what is in view first; what cannot be read is
 * tried again. Knows nothing of hands, but that nothing is written while one is down. */
import type { Labelmap } from './Labelmap'
import type { SliceState } from './sliceState'

/** A label map, and what is known of its slices. */
export interface Target {
  map: Labelmap
  slices: SliceState
}

export type Said = Readonly<Record<string, string>>

/** How far the masks of the shown series are; `trouble` is why some are not there, null where nothing is amiss. */
export interface MaskLoading {
  done: number
  of: number
  trouble: unknown
}

export interface WriterPorts {
  targets(): Iterable<Target>
  said(map: Labelmap): Said
  read(sha256: string): Promise<Uint8Array>
  /** Whether nothing may be written now; whoever holds it runs the writer again. */
  isHeld(): boolean
  /** The slices that panes show, by their index. */
  inView(map: Labelmap): readonly number[]
  write(target: Target, index: number, labels: Uint8Array | null): void
  redraw(map: Labelmap): void
  /** Null once all is there; of what takes no longer than a moment nothing is told. */
  onLoading(loading: MaskLoading | null): void
}

interface Job {
  target: Target
  place: string
  index: number
}

const MOMENT_MS = 250
const BETWEEN_MS = 100
const RETRY_MS = 1000
const LONGEST_RETRY_MS = 30_000

export class SliceWriter {
  private isRunning = false
  private pass: Promise<void> = Promise.resolve()
  private timer: ReturnType<typeof setTimeout> | null = null
  /** Tells that the first slice takes longer than a moment. */
  private moment: ReturnType<typeof setTimeout> | null = null
  private trouble: unknown = null
  private attempts = 0
  /** Hashes that could not be read: they come last, for one damaged slice must not keep the others away. */
  private readonly failed = new Set<string>()
  private toldAt = 0
  private drawnAt = 0
  private readonly stale = new Set<Labelmap>()

  constructor(private readonly ports: WriterPorts) {}

  /** Resolves when nothing is left to write, or what is left has to wait. */
  run(): Promise<void> {
    if (!this.isRunning) this.pass = this.work()
    return this.pass
  }

  /** What failed is tried again at once. */
  retry(): void {
    this.cancel()
    void this.run()
  }

  /** Whether these slices hold what the content says; of all of them where none are named. */
  isDone({ map, slices }: Target, places?: readonly string[]): boolean {
    const said = this.ports.said(map)
    if (places) return places.every((place) => !slices.isBehind(place, said[place]))
    return slices.behind(said).every((place) => map.indexOf(place) === undefined)
  }

  destroy(): void {
    this.hush()
    this.cancel()
  }

  private async work(): Promise<void> {
    this.isRunning = true
    this.cancel()
    this.toldAt = performance.now() + MOMENT_MS - BETWEEN_MS
    this.moment = setTimeout(() => this.tell(), MOMENT_MS)
    try {
      for (let job = this.next(); job && !this.ports.isHeld(); job = this.next()) await this.bring(job)
      this.recovered()
    } catch (error) {
      this.trouble = error
      this.retryLater()
    } finally {
      this.isRunning = false
      this.hush()
      this.draw()
      this.tell()
    }
  }

  private async bring({ target, place, index }: Job): Promise<void> {
    const { map, slices } = target
    const sha256 = this.ports.said(map)[place]
    const labels = sha256 === undefined ? null : await this.labelsOf(sha256, map.slice(index).length)
    // Meanwhile a hand may have come down, or the content may say something else.
    if (this.ports.isHeld() || this.ports.said(map)[place] !== sha256 || !slices.isBehind(place, sha256)) return
    slices.written(place, sha256, labels)
    this.ports.write(target, index, labels)
    this.stale.add(map)
    if (this.ports.inView(map).includes(index) || performance.now() > this.drawnAt + BETWEEN_MS) this.draw()
    if (performance.now() > this.toldAt + BETWEEN_MS) this.tell()
  }

  private async labelsOf(sha256: string, size: number): Promise<Uint8Array> {
    try {
      const labels = await this.ports.read(sha256)
      if (labels.length !== size) throw new Error(`${labels.length} labels are no slice of ${size} pixels`)
      this.failed.delete(sha256)
      return labels
    } catch (error) {
      this.failed.add(sha256)
      throw error
    }
  }

  /** The slice that is behind and nearest to what is in view. */
  private next(): Job | null {
    let best: Job | null = null
    let least = Infinity
    for (const target of this.ports.targets()) {
      const { map, slices } = target
      const said = this.ports.said(map)
      const inView = this.ports.inView(map)
      for (const place of slices.behind(said)) {
        const index = map.indexOf(place)
        if (index === undefined) continue
        const far = Math.min(...inView.map((shown) => Math.abs(shown - index)), map.places.length)
        const rank = far + (this.failed.has(said[place] ?? '') ? 1e9 : 0)
        if (rank < least) [least, best] = [rank, { target, place, index }]
      }
    }
    return best
  }

  private recovered(): void {
    this.trouble = null
    this.attempts = 0
  }

  private retryLater(): void {
    const wait = Math.min(RETRY_MS * 2 ** this.attempts, LONGEST_RETRY_MS)
    this.attempts++
    this.timer = setTimeout(() => void this.run(), wait)
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private hush(): void {
    if (this.moment !== null) clearTimeout(this.moment)
    this.moment = null
  }

  private draw(): void {
    for (const map of this.stale) this.ports.redraw(map)
    this.stale.clear()
    this.drawnAt = performance.now()
  }

  private tell(): void {
    let [left, of] = [0, 0]
    for (const { map, slices } of this.ports.targets()) {
      const said = this.ports.said(map)
      const behind = slices.behind(said).filter((place) => map.indexOf(place) !== undefined)
      left += behind.length
      of += Object.keys(said).length + behind.filter((place) => said[place] === undefined).length
    }
    this.toldAt = performance.now()
    this.ports.onLoading(left === 0 ? null : { done: of - left, of, trouble: this.trouble })
  }
}
