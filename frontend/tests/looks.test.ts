import { expect, it } from 'vitest'
import { Looks } from '../src/labeling/looks'
import { MemoryStorage } from './fakeStorage'

it('knows a read that was handed in again since anybody looked at it here, in whatever tab', () => {
  const storage = new MemoryStorage()
  const [list, case_] = [new Looks(storage), new Looks(storage)]
  expect(list.isOutdated({ id: 'a', version: 3 })).toBe(false) // nobody has looked
  case_.note({ id: 'a', version: 3 })
  case_.note({ id: 'b', version: 1 })
  expect(list.isOutdated({ id: 'a', version: 3 })).toBe(false)
  expect(list.isOutdated({ id: 'a', version: 5 })).toBe(true)
  case_.note({ id: 'a', version: 5 })
  expect(list.isOutdated({ id: 'a', version: 5 })).toBe(false)
})

it('holds in its tab where nothing can be kept', () => {
  const storage = new MemoryStorage()
  const looks = new Looks(storage)
  looks.note({ id: 'a', version: 3 })
  storage.isFull = true
  looks.note({ id: 'a', version: 5 })
  expect([looks.isOutdated({ id: 'a', version: 5 }), looks.isOutdated({ id: 'a', version: 6 })]).toEqual([false, true])
})
