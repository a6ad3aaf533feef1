/** Counts the seconds in which the reader was active: visible page, input within the last minute. */

export const IDLE_AFTER_MS = 60_000
/** So long a case is kept for a reader who does nothing: who forgets the page must not hold it over the weekend. */
export const UNATTENDED_AFTER_MS = 30 * 60_000
/** What a person at the page does, all of it. */
export const INPUTS = ['keydown', 'mousemove', 'mousedown', 'wheel'] as const
/** As long as a lease can be: more never counts, however long nothing could be told. */
const MOST_S = 86_400

export class ActivityClock {
  private active = 0
  private lastTick: number | null = null
  private lastInput: number | null = null

  input(now: number): void {
    this.lastInput = now
  }

  tick(now: number, isVisible: boolean): void {
    this.lastInput ??= now // opening a case counts as input
    const passed = Math.min(now - (this.lastTick ?? now), IDLE_AFTER_MS) // the computer may have slept in between
    if (isVisible && now - this.lastInput < IDLE_AFTER_MS) this.active += passed
    this.lastTick = now
  }

  /** Whether the reader is at the page, or may come back to it soon. */
  isAttended(now: number): boolean {
    return now - (this.lastInput ?? now) < UNATTENDED_AFTER_MS
  }

  /** Seconds since the last call, those that were given back among them. */
  take(): number {
    const seconds = Math.min(this.active / 1000, MOST_S)
    this.active = 0
    return seconds
  }

  /** Seconds that were taken, but could not be told. */
  giveBack(seconds: number): void {
    this.active += seconds * 1000
  }
}
