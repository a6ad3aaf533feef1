/** PURE. What enhanced objects tell frame by frame (PS3.3 C.7.6.16), so that Cornerstone reads it right. */
import type { DicomJson } from './dicomweb'
import { withUsableWindows } from './storedWindow'

const SHARED = '52009229'
const PER_FRAME = '52009230'
const WINDOW = '00289132'
const NUMBER_OF_FRAMES = '00280008'
/** Position, orientation, pixel measures, pixel values, window: what objects of one frame have beside the others. */
const GROUPS = ['00209113', '00209116', '00289110', '00289145', WINDOW]

/** Cornerstone looks into the groups of objects with several frames that have shared ones, too: one frame's groups
 * are laid beside the other attributes, and shared ones that are missing are empty. Windows that make no sense
 * are none. */
export function withReadableGroups(dataset: DicomJson): DicomJson {
  const frames = itemsOf(dataset, PER_FRAME)
  if (frames.length === 0) return dataset
  const [shared = {}] = itemsOf(dataset, SHARED)
  if (Number(dataset[NUMBER_OF_FRAMES]?.Value?.[0] ?? 1) < 2) {
    return { ...dataset, ...attributesOf(shared), ...attributesOf(frames[0]) }
  }
  return {
    ...dataset,
    [SHARED]: { vr: 'SQ', Value: [withUsableWindow(shared)] },
    [PER_FRAME]: { vr: 'SQ', Value: frames.map(withUsableWindow) },
  }
}

/** The numbers that the frames of an object have for an attribute of a group; its own where no group has it. */
export function numbersInGroups(dataset: DicomJson | undefined, group: string, tag: string): number[] {
  const groups = [...itemsOf(dataset, SHARED), ...itemsOf(dataset, PER_FRAME)]
  const found = groups.flatMap((one) => itemsOf(one, group)).flatMap((item) => item[tag]?.Value ?? [])
  return [...new Set((found.length > 0 ? found : (dataset?.[tag]?.Value ?? [])).map(Number))]
}

export function itemsOf(dataset: DicomJson | undefined, tag: string): DicomJson[] {
  // An item without attributes is null in JSON.
  return ((dataset?.[tag]?.Value ?? []) as (DicomJson | null)[]).map((item) => item ?? {})
}

function attributesOf(groups: DicomJson | undefined): DicomJson {
  return Object.assign({}, ...GROUPS.map((tag) => itemsOf(groups, tag)[0] ?? {})) as DicomJson
}

function withUsableWindow(groups: DicomJson): DicomJson {
  const [window] = itemsOf(groups, WINDOW)
  if (!window) return groups
  return { ...groups, [WINDOW]: { vr: 'SQ', Value: [withUsableWindows(window)] } }
}
