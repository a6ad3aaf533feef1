/** Stands in for xmlbuilder2, which only vtk.js's unused XML writers need (see vite.config.ts). */
export function create(): never {
  throw new Error('XML writing is not part of the viewer')
}
