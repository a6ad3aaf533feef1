/** A series on its way from the strip to a pane. */

const TYPE = 'application/x-firstread-series'

export interface DraggedSeries {
  study_instance_uid: string
  series_instance_uid: string
}

export function putSeries(transfer: DataTransfer, series: DraggedSeries): void {
  transfer.effectAllowed = 'copy'
  transfer.setData(TYPE, JSON.stringify(series))
}

export function holdsSeries(transfer: DataTransfer): boolean {
  return transfer.types.includes(TYPE)
}

/** Null where something else was dropped. */
export function takeSeries(transfer: DataTransfer): DraggedSeries | null {
  const text = transfer.getData(TYPE)
  return text === '' ? null : (JSON.parse(text) as DraggedSeries)
}
