/** Before a case leaves the screen what is unsaved is saved; where neither the server nor the browser takes it, the reader
 * is told once and decides. */
import type { Content } from './content'
import type { Draft } from './Draft'

export class Parting {
  private told: Content | null = null

  /** False where work would be lost; true when the same is asked again. */
  async mayGo(draft: Draft | null): Promise<boolean> {
    await draft?.flush()
    if (!draft?.isAtRisk) return true
    const { content } = draft.document
    const isKnown = this.told === content
    this.told = content
    return isKnown
  }
}
