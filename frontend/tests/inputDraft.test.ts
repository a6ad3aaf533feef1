import { describe, expect, it } from 'vitest'
import { columnsOf, freshDraft, freshSeries, inputOf, purposeOf, withColumns, type Column } from '../src/learning/inputDraft'

const CRP: Column = { name: 'crp [mg/l]', source: 'table', categories: [], missing: 'exclude' }

describe('what a new target sees', () => {
  it('is one image unless it is said otherwise, and masks keep their size', () => {
    expect(inputOf(freshDraft('answers'), 'answers')).toEqual({
      dimensions: '2d', size: [128, 128], keeps_size: false,
      channels: [{ name: 'image', rule: { modality: '', description: '', plane: 'any' }, branch: 0 }],
    })
    expect(inputOf(freshDraft('masks'), 'masks')).toMatchObject({ dimensions: '3d', size: [32, 64, 64], keeps_size: true })
  })

  it('is a volume for boxes, squeezed into its size', () => {
    expect(inputOf(freshDraft('boxes'), 'boxes')).toMatchObject({ dimensions: '3d', size: [32, 128, 128], keeps_size: false })
  })

  it('keeps its resolution for boxes that are looked for in windows', () => {
    const draft = { ...freshDraft('boxes'), inWindows: true }
    expect(inputOf(draft, 'boxes')).toMatchObject({ size: [32, 128, 128], keeps_size: true })
    expect(inputOf(draft, 'answers')).toMatchObject({ keeps_size: false })
  })

  it('has several series as channels, or as branches', () => {
    const draft = { ...freshDraft('answers'), series: [freshSeries('t1'), { ...freshSeries(' t2 '), modality: ' MR' }] }
    const branches = (input: Record<string, unknown>) =>
      (input.channels as { name: string; branch: number }[]).map(({ name, branch }) => [name, branch])
    expect(branches(inputOf(draft, 'answers'))).toEqual([['t1', 0], ['t2', 0]])
    expect(branches(inputOf({ ...draft, isApart: true }, 'answers'))).toEqual([['t1', 0], ['t2', 1]])
  })

  it('has columns beside images, never beside drawings', () => {
    const draft = { ...freshDraft('answers'), columns: [CRP] }
    expect(inputOf(draft, 'answers').columns).toEqual([CRP])
    expect(inputOf(draft, 'masks')).not.toHaveProperty('columns')
    expect(inputOf(draft, 'boxes')).not.toHaveProperty('columns')
  })
})

it('is told from the kind what an input is for', () => {
  expect(['one', 'number', 'segmentation', 'boxes'].map(purposeOf)).toEqual(['answers', 'answers', 'masks', 'boxes'])
})

describe('columns of a stored input', () => {
  it('are read with what the server leaves out', () => {
    expect(columnsOf({ columns: [{ name: 'crp [mg/l]' }, { name: 'PatientSex', source: 'dicom', categories: ['F', 'M'], missing: 'indicate' }] }))
      .toEqual([CRP, { name: 'PatientSex', source: 'dicom', categories: ['F', 'M'], missing: 'indicate' }])
  })

  it('are none where something else stands', () => {
    expect([columnsOf({}), columnsOf({ columns: 'all' }), columnsOf({ columns: [null, 1, {}] })]).toEqual([[], [], []])
  })

  it('give the middle image a size, keep everything else, and go again', () => {
    expect(withColumns({}, [CRP], 96)).toEqual({ size: [96, 96], columns: [CRP] })
    expect(withColumns({ size: [32, 64, 64], dimensions: '3d' }, [CRP], 96)).toEqual({ size: [32, 64, 64], dimensions: '3d', columns: [CRP] })
    expect(withColumns({ size: [96, 96], columns: [CRP] }, [], 96)).toEqual({ size: [96, 96] })
  })
})
