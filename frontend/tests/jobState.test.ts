/** What the badge of a round says. */
import { describe, expect, it } from 'vitest'
import type { Round } from '../src/api/client'
import { phaseOf } from '../src/learning/jobState'

const phase = (state: Round['state'], pause_requested: boolean) => phaseOf({ state, pause_requested })

describe('the phase of a round', () => {
  it('is its state while nobody wants it to wait', () => {
    expect(phase('pending', false)).toBe('pending')
    expect(phase('running', false)).toBe('running')
  })

  it('is on the way to a pause until the worker has noticed', () => {
    expect(phase('running', true)).toBe('pausing')
    expect(phase('pending', true)).toBe('paused')
  })

  it('is how it ended, whatever was wanted', () => {
    expect(phase('cancelled', true)).toBe('cancelled')
  })
})
