/** PURE. What keys mean while they move a pointer over the images; all others mean what they always do. */
import type { Direction } from '../viewer/pointer/places'

export type PointerAct =
  | { kind: 'move'; direction: Direction; count: number }
  /** Arrows are taken, so that these go through the images one by one. */
  | { kind: 'slice'; by: 1 | -1 }
  | { kind: 'press' | 'escape' }

const FAR = 10
const ARROWS: Readonly<Record<string, Direction>> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' }
const OTHERS: Readonly<Record<string, PointerAct>> = {
  Space: { kind: 'press' }, Enter: { kind: 'press' }, Escape: { kind: 'escape' },
  PageUp: { kind: 'slice', by: -1 }, PageDown: { kind: 'slice', by: 1 },
}

/** @param key as keymap.ts names it */
export function pointerActOf(key: string): PointerAct | null {
  const direction = ARROWS[key.replace('Shift+', '')]
  if (direction) return { kind: 'move', direction, count: key.startsWith('Shift+') ? FAR : 1 }
  return OTHERS[key] ?? null
}
