/** A state that a page draws, and hears of whenever it changes. */
export class Observable<State extends object> {
  private readonly listeners = new Set<() => void>()

  constructor(protected state: State) {}

  get snapshot(): State {
    return this.state
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): State => this.state

  protected set(part: Partial<State>): void {
    this.state = { ...this.state, ...part }
    for (const listener of this.listeners) listener()
  }

  /** Nobody hears of it any more. */
  protected hush(): void {
    this.listeners.clear()
  }
}
