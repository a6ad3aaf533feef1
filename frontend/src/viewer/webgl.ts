/** Whether this browser can show images at all; knows nothing of Cornerstone, so that it can be asked first. */
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
