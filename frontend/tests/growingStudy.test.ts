import { beforeEach, describe, expect, it } from 'vitest'
import { Offline } from '../src/api/client'
import { FakeServer, openSession } from './fakes'

let server: FakeServer
const open = () => openSession(server)

beforeEach(() => {
  server = new FakeServer(['a', 'b'])
})

describe('a study of which more arrives', () => {
  it('is shown anew with what was answered, and handed in when it has been seen', async () => {
    const session = await open()
    session.choose('nodule', 'no')
    server.studyRevision = 2
    await session.submit()
    expect(server.submitted).toEqual([])
    expect(session.snapshot.phase).toBe('reading')
    expect(session.snapshot.message).not.toBe('')
    expect(session.snapshot.reading?.study).toEqual({ revision: 2 })
    expect(session.snapshot.reading?.assignment?.id).toBe('assignment of a')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'no' })
    await session.submit()
    expect(server.submitted).toEqual(['a'])
  })

  it('is asked for again with the next attempt where the network fails in between', async () => {
    const session = await open()
    session.choose('nodule', 'no')
    server.studyRevision = 2
    server.lookAt = () => Promise.reject(new Offline('away'))
    await session.submit()
    expect(session.snapshot.reading?.study_revision).toBe(1)
    expect(session.snapshot.phase).toBe('reading')
  })
})
