/** Addresses and metadata of our DICOMweb server, without Cornerstone. */

import { type NotAVolume, ViewerError } from './messages'
import { withExpandedPalette } from './palette'
import { withUsableWindows } from './storedWindow'

export interface ViewerInstance {
  sop_instance_uid: string
  number_of_frames: number
}

export interface ViewerSeries {
  series_instance_uid: string
  modality: string
  series_description: string
  body_part_examined?: string
  laterality?: string
  /** The plane of its images: axial, sagittal, coronal, oblique; empty where unknown. */
  orientation?: string
  not_a_volume: NotAVolume | null
  is_prepared: boolean
  instances: ViewerInstance[]
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

export function seriesUrl(root: string, study: ViewerStudy, series: ViewerSeries): string {
  return `${root}/studies/${study.study_instance_uid}/series/${series.series_instance_uid}`
}

/** One image id per frame, in slice order, as Cornerstone's WADO-RS loader reads them. */
export function imageIdsOf(root: string, study: ViewerStudy, series: ViewerSeries): string[] {
  const url = seriesUrl(root, study, series)
  return series.instances.flatMap((instance) =>
    Array.from(
      { length: instance.number_of_frames },
      (_, frame) => `wadors:${url}/instances/${instance.sop_instance_uid}/frames/${frame + 1}`,
    ),
  )
}

/** The metadata of every instance of a series by SOP Instance UID. */
export async function fetchMetadata(url: string): Promise<Map<string, DicomJson>> {
  const response = await fetch(`${url}/metadata`, { headers: { Accept: 'application/dicom+json' } })
  if (!response.ok) throw new ViewerError({ code: 'refused', status: response.status })
  const datasets = ((await response.json()) as DicomJson[]).map(withExpandedPalette).map(withUsableWindows)
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
