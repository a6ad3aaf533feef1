import { expect, it } from 'vitest'
import { measuredOf, NOTHING_MEASURED, withMeasured, type Measured } from '../src/labeling/measured'

const found = { spacing: 'patient' } as Measured

it('keeps what the regions of one read measure, and nothing of the reads before', () => {
  const one = withMeasured(withMeasured(NOTHING_MEASURED, 'a', 'r', found), 'a', 's', found)
  expect(measuredOf(one, 'a')).toEqual({ r: found, s: found })
  expect(measuredOf(one, 'b')).toEqual({})
  expect(withMeasured(one, 'b', 't', found)).toEqual({ read: 'b', byRegion: { t: found } })
})
