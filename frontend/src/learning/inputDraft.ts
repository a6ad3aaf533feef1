/** What a network sees, as the form of a new target holds it, and as the server's `input`. */

export type Input = Readonly<Record<string, unknown>>
export const DIMENSIONS = ['2d', '2.5d', '3d'] as const
export const PLANES = ['any', 'axial', 'coronal', 'sagittal'] as const
export const USUAL_SIDE = 128

/** Answers are learned from images and columns, drawings from images alone, boxes in volumes. */
export type Purpose = 'answers' | 'masks' | 'boxes'

export interface Column {
  name: string
  source: 'table' | 'dicom'
  categories: readonly string[] // none of a number
  missing: 'exclude' | 'indicate'
}

export interface SeriesDraft {
  name: string
  modality: string // empty: any
  description: string // a regular expression; empty: any
  plane: (typeof PLANES)[number]
}

export interface InputDraft {
  dimensions: (typeof DIMENSIONS)[number]
  side: number // pixels
  slices: number // of 2.5D and 3D
  series: readonly SeriesDraft[]
  isApart: boolean // each series in a branch of the network of its own
  inWindows: boolean // boxes: the series keeps its resolution, and side and slices are those of windows
  columns: readonly Column[]
}

export function freshSeries(name: string): SeriesDraft {
  return { name, modality: '', description: '', plane: 'any' }
}

export function purposeOf(kind: string): Purpose {
  if (kind === 'boxes') return 'boxes'
  return kind === 'segmentation' ? 'masks' : 'answers'
}

/** The usual input: one image per study; of masks patches of volumes, of boxes volumes. */
export function freshDraft(purpose: Purpose): InputDraft {
  return {
    dimensions: purpose === 'answers' ? '2d' : '3d',
    side: purpose === 'masks' ? 64 : USUAL_SIDE,
    slices: 32,
    series: [freshSeries('image')],
    isApart: false,
    inWindows: false,
    columns: [],
  }
}

export function inputOf(draft: InputDraft, purpose: Purpose): Record<string, unknown> {
  const { dimensions, side, slices, isApart, inWindows, columns } = draft
  return {
    dimensions,
    size: dimensions === '2d' ? [side, side] : [slices, side, side],
    keeps_size: purpose === 'masks' || (purpose === 'boxes' && inWindows),
    channels: draft.series.map(({ name, modality, description, plane }, place) => ({
      name: name.trim(), rule: { modality: modality.trim(), description, plane }, branch: isApart ? place : 0,
    })),
    ...(purpose === 'answers' && columns.length > 0 && { columns }),
  }
}

/** The columns of a stored input; what is none is left out. */
export function columnsOf(input: Input): Column[] {
  return Array.isArray(input.columns) ? input.columns.filter(isNamed).map(asColumn) : []
}

/** The input with these columns instead; the middle image gets a size, which an input must have. */
export function withColumns(input: Input, columns: readonly Column[], side: number): Record<string, unknown> {
  const others = Object.fromEntries(Object.entries(input).filter(([name]) => name !== 'columns'))
  if (columns.length === 0) return others
  return { ...('size' in others ? {} : { size: [side, side] }), ...others, columns }
}

function isNamed(value: unknown): value is Record<string, unknown> & { name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
}

function asColumn({ name, source, categories, missing }: Record<string, unknown> & { name: string }): Column {
  return {
    name,
    source: source === 'dicom' ? 'dicom' : 'table',
    categories: Array.isArray(categories) ? categories.map(String) : [],
    missing: missing === 'indicate' ? 'indicate' : 'exclude',
  }
}
