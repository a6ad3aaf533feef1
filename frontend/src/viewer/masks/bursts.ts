/** Long work between frames: a mask of a whole series is gone through in seconds, and the page must not notice. */

/** Half a frame at 60 Hz. */
const BURST_MS = 8

/** Run to the end; a burst ends where the work rests. Null as soon as `isVoid` says that nobody wants it any more. */
export async function inBursts<T>(work: Generator<void, T>, isVoid: () => boolean = () => false): Promise<T | null> {
  let until = performance.now() + BURST_MS
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() < until) continue
    await new Promise((resume) => setTimeout(resume, 0))
    if (isVoid()) return null
    until = performance.now() + BURST_MS
  }
}
