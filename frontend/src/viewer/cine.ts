/** Plays slices one after the other, never faster than they can be shown: no Cornerstone here. */

/** Images a second, at most: no screen shows more. */
export const MAX_RATE = 60

export interface Playable {
  slices: number
  slice: number
}

export class Cine {
  private timer: ReturnType<typeof setTimeout> | null = null
  private round = 0

  constructor(
    private readonly at: () => Playable,
    private readonly goTo: (slice: number) => Promise<void>,
  ) {}

  get isPlaying(): boolean {
    return this.timer !== null
  }

  play(fps: number): void {
    this.stop()
    this.schedule(1000 / Math.min(Math.max(fps, 0.1), MAX_RATE), this.round)
  }

  stop(): void {
    this.round++
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  /** The next step is timed from the end of this one: a slow network plays slowly, but in order. */
  private schedule(intervalMs: number, round: number): void {
    this.timer = setTimeout(() => {
      const started = Date.now()
      void this.step().finally(() => {
        if (round !== this.round) return
        this.schedule(Math.max(intervalMs - (Date.now() - started), 0), round)
      })
    }, intervalMs)
  }

  private async step(): Promise<void> {
    const { slice, slices } = this.at()
    if (slices < 2) return
    // A slice that cannot be loaded is told by its pane; the others still play.
    await this.goTo((slice % slices) + 1).catch(() => undefined)
  }
}
