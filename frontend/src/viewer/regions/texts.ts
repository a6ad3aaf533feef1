/** What stands beside regions in the image: our own statistics in the page's words. Cornerstone's tools ask for it at
 * every picture, and know nothing of an annotation but its data. */
import type { Annotation } from './annotations'

interface Text {
  /** Null where it has to be measured when it is asked for. */
  lines: readonly string[] | null
  measure: () => readonly string[]
}

const texts = new WeakMap<object, Text>()

/** For the tools' configuration: `getTextLines`. */
export function textLinesOf(data: object): string[] {
  const text = texts.get(data)
  if (!text) return []
  text.lines ??= text.measure()
  return [...text.lines]
}

/** From now on the annotation has a text; `measure` finds it while a hand draws or moves. */
export function watchText(annotation: Annotation, measure: () => readonly string[]): void {
  texts.set(annotation.data, { lines: null, measure })
}

export function setText(annotation: Annotation, lines: readonly string[]): void {
  const text = texts.get(annotation.data)
  if (text) text.lines = lines
}

/** The annotation moved: measure again. */
export function renewText(annotation: Annotation): void {
  const text = texts.get(annotation.data)
  if (text) text.lines = null
}
