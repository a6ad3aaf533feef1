/** The browser's WebGL: whether images can be shown at all, and with what contexts. Knows nothing of Cornerstone, so that
 * it can be asked first and be set before that starts. */
let webGL2: boolean | null = null

/** Asked once: every question would take one of the browser's few WebGL contexts. */
export function hasWebGL2(): boolean {
  if (webGL2 === null) {
    const context = document.createElement('canvas').getContext('webgl2')
    webGL2 = context !== null
    context?.getExtension('WEBGL_lose_context')?.loseContext()
  }
  return webGL2
}

/** Contexts that are made from now on take one sample a pixel. Browsers take four, so that the edges of triangles are
 * smooth; an image is one rectangle, and those samples were a quarter of the work of a step through slices.
 * Neither Cornerstone (5.14) nor vtk.js lets the options of a context through. */
export function takeOneSamplePerPixel(): void {
  const canvases = HTMLCanvasElement.prototype as { getContext: GetContext }
  canvases.getContext = new Proxy(canvases.getContext, {
    apply: (make, canvas: HTMLCanvasElement, [kind, options]: Parameters<GetContext>) =>
      Reflect.apply(make, canvas, [kind, kind.startsWith('webgl') ? { ...options, antialias: false } : options]),
  })
}

type GetContext = (kind: string, options?: WebGLContextAttributes) => RenderingContext | null
