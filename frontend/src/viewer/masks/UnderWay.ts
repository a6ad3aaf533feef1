/** What is under way on the masks and not told yet: a hand that is down on a pane, an operation that takes long.
 * Knows nothing of labels. */

export class UnderWay {
  private isDown = false
  private isBusyNow = false
  private waiting: { until: () => boolean; goOn: () => void }[] = []

  constructor(private readonly onBusy: (isBusy: boolean) => void) {}

  get isPressed(): boolean {
    return this.isDown
  }

  get isBusy(): boolean {
    return this.isBusyNow
  }

  press(): void {
    this.isDown = true
  }

  /** The hand has let go, and what it left has been told. */
  release(): void {
    this.isDown = false
    this.wake()
  }

  async during(work: () => Promise<void>): Promise<void> {
    this.setBusy(true)
    try {
      await work()
    } finally {
      this.setBusy(false)
    }
  }

  /** Resolves once no hand is down; an operation may be at work. */
  letGo(): Promise<void> {
    return this.once(() => !this.isDown)
  }

  /** Resolves once nothing is under way. */
  rest(): Promise<void> {
    return this.once(() => !this.isDown && !this.isBusyNow)
  }

  /** Whoever waits goes on: nothing will come any more. */
  end(): void {
    this.isDown = false
    this.isBusyNow = false
    this.wake()
  }

  private setBusy(isBusy: boolean): void {
    this.isBusyNow = isBusy
    this.onBusy(isBusy)
    this.wake()
  }

  private once(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve()
    return new Promise((goOn) => this.waiting.push({ until, goOn }))
  }

  private wake(): void {
    const ready = this.waiting.filter(({ until }) => until())
    this.waiting = this.waiting.filter((one) => !ready.includes(one))
    for (const { goOn } of ready) goOn()
  }
}
