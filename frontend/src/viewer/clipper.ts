/** The part of clipper2-ts that Cornerstone calls (see vite.config.ts): it closes freehand regions. The package's own
 * entrance brings triangulation, offsets and rectangles along, half of its weight. */
import { ClipType, FillRule, type PathsD } from 'clipper2-ts/dist/Core.js'
import { ClipperD, PolyTreeD } from 'clipper2-ts/dist/Engine.js'

export { ClipType, FillRule, PolyTreeD }

export const Clipper = {
  booleanOpDWithPolyTree(
    operation: ClipType, subject: PathsD | null, clip: PathsD | null, into: PolyTreeD, rule: FillRule, precision = 2,
  ): void {
    if (subject === null) return
    const clipper = new ClipperD(precision)
    clipper.addSubjectPaths(subject)
    if (clip !== null) clipper.addClipPaths(clip)
    clipper.execute(operation, rule, into)
  },
}
