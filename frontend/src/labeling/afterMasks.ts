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
