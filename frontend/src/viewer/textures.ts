/** Ends a viewport and gives back what it keeps on the graphics card, which Cornerstone forgets. */
import type * as core from '@cornerstonejs/core'

/** The part of a vtk.js render window that knows who uses which texture. */
interface TextureOwner {
  get(name: '_graphicsResources'): { _graphicsResources: Map<object, { users: Set<TextureUser> }> }
  unregisterGraphicsResourceUser(of: object, user: TextureUser): void
}

/** What draws a mapper, where it does. */
interface TextureUser {
  getRenderable?(): object
}

interface Actor {
  getMapper(): object
}

/** A vtk.js mapper takes its textures along when it is deleted; Cornerstone's own (5.14, vtkStreamingOpenGLVolumeMapper)
 * count theirs where that does not look: every plane that was ever shown, and every mask on it, which had let go of the
 * viewport before, would stay in memory. */
export function disableViewport(engine: core.RenderingEngine, viewportId: string): void {
  const others = engine.getViewports().filter(({ id }) => id !== viewportId)
  const used = new Set(others.flatMap((viewport) => viewport.getActors()).map(({ actor }) => (actor as unknown as Actor).getMapper()))
  const owner = engine.getOffscreenMultiRenderWindow(viewportId).getOpenGLRenderWindow() as TextureOwner
  for (const [of, { users }] of [...owner.get('_graphicsResources')._graphicsResources]) {
    for (const user of [...users]) {
      const mapper = user.getRenderable?.()
      if (mapper && !used.has(mapper)) owner.unregisterGraphicsResourceUser(of, user)
    }
  }
  engine.disableElement(viewportId)
}
