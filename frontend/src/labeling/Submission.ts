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
  /** Sent without an answer: one of them may have arrived. */
  private unanswered: Content[] = []

  constructor(
    private readonly draft: Draft,
    private readonly requests: Pick<Requests, 'submit' | 'reopen'>,
    private readonly clock: Pick<ActivityClock, 'take' | 'giveBack'>,
  ) {}

  /** Resolves to the next case, where the server has claimed one along. Throws Stuck, or what came instead. */
  async send(asked: (content: Content) => Content, studyRevision: number): Promise<Reading | null> {
    const { draft } = this
    await draft.rest()
    if (isStuck(draft.save)) throw new Stuck()
    const content = asked(draft.document.content)
    const seconds = this.clock.take()
    try {
      return await this.handIn(content, seconds, studyRevision)
    } catch (error) {
      this.clock.giveBack(seconds)
      throw error
    }
  }

  private async handIn(content: Content, seconds: number, studyRevision: number): Promise<Reading | null> {
    try {
      return await this.submit(content, seconds, studyRevision)
    } catch (error) {
      if (!wasHandedIn(error) || this.unanswered.length === 0) throw error
      if (this.unanswered.every((sent) => isSameJson(sent, content))) return null
      await this.takeBack()
      return this.submit(content, seconds, studyRevision)
    }
  }

  private submit(content: Content, seconds: number, studyRevision: number): Promise<Reading | null> {
    const { draft } = this
    return draft.withSlices(content, () =>
      this.requests.submit(draft.id, draft.version, content, seconds, studyRevision).catch((error: unknown) => {
        if (mayHaveArrived(error)) this.unanswered.push(content)
        throw error
      }))
  }

  /** What had arrived is not what the reader hands in now. Where it is not ours either, the reader chooses. */
  private async takeBack(): Promise<void> {
    const { draft, unanswered } = this
    const { version, content } = (await this.requests.reopen(draft.id)).annotation
    this.unanswered = []
    if (unanswered.some((sent) => isSameJson(sent, content))) {
      draft.buildOn(version)
    } else {
      draft.conflict(version, content)
      throw new Stuck()
    }
  }
}

/** Only a refusal is an answer: a server in trouble may have taken the read before. */
export function mayHaveArrived(error: unknown): boolean {
  return !(error instanceof ApiError) || error.problem.status >= 500
}
