/** PURE. Labels of a slice that a schema knows: a model may have learned a later one than a read was begun with. */

type Segments = readonly { value: number; layer?: number }[]

/** The labels that are segments of this layer, and 0 in the place of any other; the same array where all are. */
export function knownLabels<T extends Uint8Array>(labels: T, layer: number, segments: Segments): T | Uint8Array<ArrayBuffer> {
  const isKnown = new Uint8Array(256)
  isKnown[0] = 1
  for (const segment of segments) if ((segment.layer ?? 0) === layer) isKnown[segment.value] = 1
  return labels.every((label) => isKnown[label]) ? labels : Uint8Array.from(labels, (label) => (isKnown[label] ? label : 0))
}
