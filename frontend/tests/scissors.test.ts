import { describe, expect, it } from 'vitest'
import { giveUpScissors } from '../src/viewer/masks/scissors'
import { FakeScissors } from './harness/FakeScissors'

describe.each(['rectangle', 'circle'] as const)('%s scissors', (kind) => {
  it('that were pressed listen until they are let go', () => {
    const scissors = new FakeScissors(kind)
    scissors.press()
    scissors.move()
    expect(scissors.moves).toBe(1)
    expect(scissors.isDrawing).toBe(true)
    scissors.release()
    scissors.move()
    expect(scissors.moves).toBe(1)
    expect(scissors.isDrawing).toBe(false)
  })

  it('can be pressed again after a plain click', () => {
    const scissors = new FakeScissors(kind)
    scissors.press()
    scissors.release()
    scissors.press()
    scissors.move()
    expect(scissors.moves).toBe(1)
    giveUpScissors()
  })

  it('that are held are given up everywhere, or where their pane is gone', () => {
    const scissors = new FakeScissors(kind)
    scissors.press()
    giveUpScissors((element) => element !== scissors.element)
    expect(scissors.isDrawing).toBe(true)
    giveUpScissors((element) => element === scissors.element)
    expect(scissors.isDrawing).toBe(false)
    scissors.press()
    giveUpScissors()
    scissors.move()
    expect(scissors.moves).toBe(0)
  })
})
