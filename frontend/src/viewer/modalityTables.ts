/** The Modality LUT of every registered image that has one, for whoever decodes it. */
import type { DicomJson } from './dicomweb'
import { ViewerError } from './messages'
import { entriesOf, tableIn, TABLE_ELEMENT, type ModalityTable } from './modalityTable'

const FRAME = /\/frames\/\d+$/
/** By image id without its frame. */
const known = new Map<string, ModalityTable>()

export function rememberTable(imageId: string, dataset: DicomJson): void {
  const table = tableIn(dataset)
  if (table) known.set(imageId.replace(FRAME, ''), table)
}

export function forgetTable(imageId: string): void {
  known.delete(imageId.replace(FRAME, ''))
}

export function tableOf(imageId: string): ModalityTable | null {
  return known.get(imageId.replace(FRAME, '')) ?? null
}

/** Fetched where they are too long to come with the metadata; the browser keeps the answer for the other frames. */
export async function entriesFor(imageId: string, table: ModalityTable): Promise<Uint16Array> {
  if (table.entries) return table.entries
  const instance = imageId.replace('wadors:', '').replace(FRAME, '')
  const response = await fetch(`${instance}/bulkdata/${TABLE_ELEMENT}`, { headers: { Accept: 'application/octet-stream' } })
  if (!response.ok) throw new ViewerError({ code: 'refused', status: response.status })
  return entriesOf(new Uint8Array(await response.arrayBuffer()), table.count)
}
