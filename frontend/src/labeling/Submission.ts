/** Hands one draft in. What is sent is the content once all strokes are in it and no save is under way, with the
 * version that belongs to it; until it is settled nothing else is sent of the draft. */
import { ApiError, type Reading } from '../api/client'
import type { ActivityClock } from './activity'
import type { SaveState } from './autosave'
import { isSameJson, type Content } from './content'
import type { Draft } from './Draft'
import { wasHandedIn } from './serverAnswers'
import type { Requests } from './sessionState'

/** A draft that could not be saved just now cannot be handed in either. */
const STUCK: readonly SaveState['kind'][] = ['conflict', 'offline', 'troubled', 'signed_out', 'unkept']

export function isStuck({ kind }: SaveState): boolean {
  return STUCK.includes(kind)
}

/** The draft is as it was; its state says what is wrong. */
export class Stuck extends Error {}

export class Submission {
  /** Sent without an answer: it may have arrived. */
  private unanswered: Content | null = null

  constructor(
    private readonly draft: Draft,
    private readonly requests: Pick<Requests, 'submit'>,
    private readonly clock: Pick<ActivityClock, 'take' | 'giveBack'>,
  ) {}

  /** Resolves to the next case, where the server has claimed one along. Throws Stuck, or what came instead. */
  async send(asked: (content: Content) => Content): Promise<Reading | null> {
    const { draft } = this
    await draft.rest()
    if (isStuck(draft.save)) throw new Stuck()
    const content = asked(draft.document.content)
    const { version } = draft
    const seconds = this.clock.take()
    try {
      return await draft.withSlices(content, () => this.requests.submit(draft.id, version, content, seconds))
    } catch (error) {
      if (wasHandedIn(error) && isSameJson(this.unanswered, content)) return null
      this.clock.giveBack(seconds)
      if (mayHaveArrived(error)) this.unanswered = content
      throw error
    }
  }
}

/** Only a refusal is an answer: a server in trouble may have taken the read before. */
export function mayHaveArrived(error: unknown): boolean {
  return !(error instanceof ApiError) || error.problem.status >= 500
}
