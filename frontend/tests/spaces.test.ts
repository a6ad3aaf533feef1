import { beforeAll, expect, it } from 'vitest'
import { follow } from '../src/viewer/following'
import { planeOf } from '../src/viewer/loading'
import type { Pane } from '../src/viewer/Pane'
import { answerForHeaders, keepHeader } from './harness/headers'

const NAMELESS = ['wadors:/a/instances/1/frames/1', 'wadors:/a/instances/2/frames/1', 'wadors:/b/instances/3/frames/1']
const EMPTY = ['wadors:/e/instances/6/frames/1', 'wadors:/f/instances/7/frames/1']
const NAMED = ['wadors:/c/instances/4/frames/1', 'wadors:/d/instances/5/frames/1']

beforeAll(() => {
  answerForHeaders()
  for (const imageId of NAMELESS) keepHeader(imageId)
  for (const imageId of EMPTY) keepHeader(imageId, '')
  for (const imageId of NAMED) keepHeader(imageId, '1.2.9')
})

/** A pane on slice 5 of 9, and what it is told. */
function paneWith(imageId: string | undefined, isScattered = false): { pane: Pane; told: string[] } {
  const told: string[] = []
  const plane = { ...planeOf(imageId ?? ''), point: [0, 0, 12], normal: [0, 0, 1] }
  const picture = {
    count: 9, index: () => 0, isScattered: () => isScattered, plane: () => plane, jumpTo: ([, , z]: number[]) => told.push(`to ${String(z)} mm`),
  }
  const goTo = (slice: number) => Promise.resolve(told.push(`to slice ${slice}`))
  return { pane: { picture, state: { slice: 5, slices: 9 }, goTo } as unknown as Pane, told }
}

function linked([leading, following]: readonly (string | undefined)[]): string[] {
  const [leader, other] = [paneWith(leading), paneWith(following)]
  follow(leader.pane, [leader.pane, other.pane], { scroll: true, window: false, zoom: false })
  return other.told
}

it('scrolls neither a localizer nor what is linked to it', () => {
  const [leader, localizer] = [paneWith(NAMED[0]), paneWith(NAMED[1], true)]
  const links = { scroll: true, window: false, zoom: false }
  follow(leader.pane, [leader.pane, localizer.pane], links)
  follow(localizer.pane, [leader.pane, localizer.pane], links)
  expect([leader.told, localizer.told]).toEqual([[], []])
})

it('scrolls two series by millimetres only where they name one frame of reference', () => {
  expect(linked(NAMED)).toEqual(['to 12 mm'])
  const [first, second, elsewhere] = NAMELESS
  expect(linked([first, elsewhere])).toEqual(['to slice 5'])
  expect(linked([first, second])).toEqual(['to 12 mm'])
  expect(linked([first, NAMED[0]])).toEqual(['to slice 5'])
  expect(linked(EMPTY)).toEqual(['to slice 5'])
})
