/** What closes a case, or holds it fast, waits for what is under way on its images. */
import type { ReadingSession } from './ReadingSession'

/** Given up where another case has come meanwhile. */
export async function afterMasks(
  masks: { rest(): Promise<void> } | null, session: Pick<ReadingSession, 'document'>, act: () => Promise<void>,
): Promise<void> {
  const { document } = session
  await new Promise((told) => setTimeout(told, 0)) // a region that was put down just now
  await masks?.rest()
  if (session.document === document) await act()
}

export interface Closing {
  /** False where the case was on its way out before: nothing is skipped. */
  skip(reason: string): Promise<boolean>
  /** Take back the last submission. */
  undo(): Promise<void>
  /** Another case, whatever became of this one. */
  goOn(): Promise<void>
}

/** What takes the open case off the screen without handing it in; its strokes are saved all the same. */
export function closing(
  session: Pick<ReadingSession, 'skip' | 'undo' | 'claim' | 'snapshot'>, after: (act: () => Promise<void>) => Promise<void>,
): Closing {
  return {
    skip: async (reason) => {
      let isInTime = false
      await after(() => {
        isInTime = session.snapshot.phase === 'reading'
        return session.skip(reason)
      })
      return isInTime
    },
    undo: () => after(() => session.undo()),
    goOn: () => after(() => session.claim()),
  }
}
