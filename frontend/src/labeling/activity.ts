/** Counts the seconds in which the reader was active: visible page, input within the last minute. */

const IDLE_AFTER_MS = 60_000

export class ActivityClock {
  private active = 0
  private lastTick: number | null = null
  private lastInput: number | null = null

  input(now: number): void {
    this.lastInput = now
  }

  tick(now: number, isVisible: boolean): void {
    this.lastInput ??= now // opening a case counts as input
    const passed = now - (this.lastTick ?? now)
    if (isVisible && now - this.lastInput < IDLE_AFTER_MS) this.active += passed
    this.lastTick = now
  }

  /** Seconds since the last call. */
  take(): number {
    const seconds = this.active / 1000
    this.active = 0
    return seconds
  }

  /** Seconds that were taken, but could not be told. */
  giveBack(seconds: number): void {
    this.active += seconds * 1000
  }
}
