/** Numbers that were typed and do not fit their question, each with what it is asked of. Saved is the last answer that
 * fitted; what was typed stays in its field, also where that goes out of sight, and stops a submission until it is
 * mended, cleared or replaced by another answer. */
import { isSameJson, type Answer, type Content } from './content'
import type { Question } from './definition'
import type { NumberProblem } from './numberText'
import { answersOf, visibleQuestions, type Missing, type Subject } from './questions'

export interface TypedNumber {
  text: string
  problem: NumberProblem
  /** The answer beside which it was typed: another one, by undo or by a click, takes its place. */
  stored: Answer
}

interface Entry extends TypedNumber {
  subject: Subject
  question: string
}

export class TypedNumbers {
  private readonly known = new Map<string, Entry>()
  private readonly listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  at(subject: Subject, question: string): TypedNumber | null {
    return this.known.get(keyOf(subject, question)) ?? null
  }

  /** Null once it fits. */
  write(subject: Subject, question: string, typed: TypedNumber | null): void {
    const key = keyOf(subject, question)
    if (typed) this.known.set(key, { ...typed, subject, question })
    else if (!this.known.delete(key)) return
    this.tell()
  }

  /** Another case is open. */
  clear(): void {
    this.known.clear()
    this.tell()
  }

  /** The first that is still asked and stands in its field. */
  first(questions: readonly Question[], content: Content): Missing<Question> | null {
    for (const entry of this.known.values()) {
      const subject = subjectNow(entry.subject, content)
      if (!subject || !isSameJson(answersOf(content, subject)[entry.question] ?? null, entry.stored)) continue
      const question = visibleQuestions(questions, content, subject).find(({ key }) => key === entry.question)
      if (question) return { question, subject }
    }
    return null
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }
}

/** Of this tab. */
export const typedNumbers = new TypedNumbers()

function keyOf(subject: Subject, question: string): string {
  const of = subject.scope === 'region' ? subject.region.id : JSON.stringify(subject)
  return `${of} ${question}`
}

function subjectNow(subject: Subject, content: Content): Subject | null {
  if (subject.scope !== 'region') return subject
  const region = content.regions?.find(({ id }) => id === subject.region.id)
  return region ? { scope: 'region', region } : null
}
