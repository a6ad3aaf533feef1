/** Stands in for clipper2-ts, which only contour segmentations need: ours are label maps (see
 * vite.config.ts). */
function absent(): never {
  throw new Error('Contour segmentations are not part of the viewer')
}

export const Clipper = { booleanOpDWithPolyTree: absent }
export const ClipType = {}
export const FillRule = {}
export const PolyTreeD = absent
