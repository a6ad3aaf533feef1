/** Addresses and metadata of our DICOMweb server, without Cornerstone. */

import { type NotAVolume, ViewerError } from './messages'
import { withColourAsSent } from './deepColour'
import { withReadableGroups } from './functionalGroups'
import { withTableAlone } from './modalityTable'
import { withExpandedPalette } from './palette'
import { withUsableWindows } from './storedWindow'
import type { Place } from './types'

export interface ViewerInstance {
  sop_instance_uid: string
  number_of_frames: number
}

export interface ViewerSeries {
  series_instance_uid: string
  modality: string
  series_description: string
  series_number?: number | null
  body_part_examined?: string
  laterality?: string
  /** The plane of its images: axial, sagittal, coronal, oblique; empty where unknown. */
  orientation?: string
  not_a_volume: NotAVolume | null
  is_prepared: boolean
  instances: ViewerInstance[]
  /** The images in slice order: places, from 0, in the row of all frames of one instance after the other; null
   * where that row is in slice order. */
  frame_order?: readonly number[] | null
}

export interface ViewerStudy {
  study_instance_uid: string
  study_description?: string
  study_date?: string | null
  series: ViewerSeries[]
}

export interface DicomElement {
  vr: string
  Value?: unknown[]
  InlineBinary?: string
}

export type DicomJson = Record<string, DicomElement | undefined>

const SOP_INSTANCE_UID = '00080018'
/** Frames prepared as HTJ2K where there are any, else as stored; never those shown wrongly here. */
export const FRAME_TYPES =
  'image/jphc; transfer-syntax=*, application/octet-stream; transfer-syntax=*; q=0.9'
/** Of one answer in every browser's cache; what is longer would come a second time beside the first. */
const MOST_KEPT_BYTES = 4 * 2 ** 20
const KEPT_MS = 60_000
/** Metadata that is on its way for whoever fetches it next, by the address of the series. */
const asked = new Map<string, Promise<Response>>()

export function seriesUrl(root: string, study: ViewerStudy, series: ViewerSeries): string {
  return `${root}/studies/${study.study_instance_uid}/series/${series.series_instance_uid}`
}

/** Every image of the series in slice order, in which a stack shows them. */
export function imagesOf({ instances, frame_order }: Pick<ViewerSeries, 'instances' | 'frame_order'>): Place[] {
  const row = instances.flatMap(({ sop_instance_uid, number_of_frames }) =>
    Array.from({ length: number_of_frames }, (_, index) => ({ sop_instance_uid, frame: index + 1 })))
  return frame_order ? frame_order.flatMap((place) => row[place] ?? []) : row
}

/** Their image ids, as Cornerstone's WADO-RS loader reads them. */
export function imageIdsOf(root: string, study: ViewerStudy, series: ViewerSeries): string[] {
  const url = seriesUrl(root, study, series)
  return imagesOf(series).map(({ sop_instance_uid, frame }) =>
    `wadors:${url}/instances/${sop_instance_uid}/frames/${frame}`)
}

/** The frame, from 0, that a stack of so many begins with: that of the slice asked for, or the middle. */
export function startOf(count: number, slice: number | null): number {
  return slice === null ? Math.floor((count - 1) / 2) : slice - 1
}

/** The image id of that frame. */
export function firstFrame(
  root: string, study: ViewerStudy, series: ViewerSeries, slice: number | null,
): string | undefined {
  const imageIds = imageIdsOf(root, study, series)
  return imageIds[startOf(imageIds.length, slice)]
}

/** Ask for a frame before Cornerstone does: the browser keeps the answer. */
export function askForFrame(imageId: string | undefined): void {
  if (imageId === undefined) return
  const early = new AbortController()
  const answer = fetch(imageId.replace('wadors:', ''), { headers: { Accept: FRAME_TYPES }, signal: early.signal })
  const keep = async (response: Response) => {
    if (Number(response.headers.get('Content-Length')) > MOST_KEPT_BYTES) early.abort()
    else await response.arrayBuffer()
  }
  // Whatever is wrong is said when the viewer asks again.
  void answer.then(keep).catch(() => undefined)
}

/** Ask for the metadata of a series before the viewer is there, which takes the answer. */
export function askForMetadata(url: string): void {
  if (asked.has(url)) return
  const answer = getMetadata(url)
  asked.set(url, answer)
  const drop = () => {
    if (asked.get(url) === answer) asked.delete(url)
  }
  answer.catch(drop)
  setTimeout(drop, KEPT_MS) // nobody came for it: a browser without WebGL, a reader who left
}

/** Whether somebody asked for it and nobody has taken it yet. */
export function isAskedFor(url: string): boolean {
  return asked.has(url)
}

function getMetadata(url: string): Promise<Response> {
  return fetch(`${url}/metadata`, { headers: { Accept: 'application/dicom+json' } })
}

/** The metadata of every instance of a series by SOP Instance UID. */
export async function fetchMetadata(url: string): Promise<Map<string, DicomJson>> {
  const early = asked.get(url)
  asked.delete(url)
  const response = await (early ?? getMetadata(url))
  if (!response.ok) throw new ViewerError({ code: 'refused', status: response.status })
  const datasets = ((await response.json()) as DicomJson[])
    .map(withReadableGroups).map(withColourAsSent).map(withExpandedPalette).map(withTableAlone).map(withUsableWindows)
  return new Map(datasets.map((dataset) => [String(dataset[SOP_INSTANCE_UID]?.Value?.[0]), dataset]))
}

export function thumbnailUrl(root: string, study: ViewerStudy, series: ViewerSeries): string {
  return `${seriesUrl(root, study, series)}/thumbnail`
}

/** Numbers of an attribute, empty where it is absent. */
export function numbersOf(dataset: DicomJson | undefined, tag: string): number[] {
  return (dataset?.[tag]?.Value ?? []).map(Number)
}

export function textsOf(dataset: DicomJson | undefined, tag: string): string[] {
  return (dataset?.[tag]?.Value ?? []).map(String)
}

export function without(dataset: DicomJson, tag: string): DicomJson {
  return Object.fromEntries(Object.entries(dataset).filter(([other]) => other !== tag))
}
