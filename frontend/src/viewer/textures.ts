/** Ends a viewport and gives back what it keeps on the graphics card, which Cornerstone forgets. */
import type * as core from '@cornerstonejs/core'

/** The part of a vtk.js render window that knows who uses which texture. */
interface TextureOwner {
  get(name: '_graphicsResources'): { _graphicsResources: Map<object, { users: Set<object> }> }
  getViewNodeFor(renderable: object): object | undefined
  unregisterGraphicsResourceUser(of: object, user: object): void
}

interface Actor {
  getMapper(): object
}

/** A vtk.js mapper takes its textures along when it is deleted; Cornerstone's own (5.14, vtkStreamingOpenGLVolumeMapper)
 * count theirs where that does not look: every plane that was ever shown would stay in memory. */
export function disableViewport(engine: core.RenderingEngine, viewportId: string): void {
  const actors = engine.getViewport(viewportId).getActors()
  const owner = engine.getOffscreenMultiRenderWindow(viewportId).getOpenGLRenderWindow() as TextureOwner
  const mappers = actors.map(({ actor }) => owner.getViewNodeFor((actor as unknown as Actor).getMapper()))
  for (const [of, { users }] of [...owner.get('_graphicsResources')._graphicsResources]) {
    for (const mapper of mappers) if (mapper && users.has(mapper)) owner.unregisterGraphicsResourceUser(of, mapper)
  }
  engine.disableElement(viewportId)
}
