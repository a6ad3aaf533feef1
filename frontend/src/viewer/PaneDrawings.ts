/** Drawings of our own over the images of panes, made anew whenever a pane tells of an event. */
import * as core from '@cornerstonejs/core'
import type { Viewport } from './pictures'
import type { PaneHost, PaneView } from './types'

const SVG = 'http://www.w3.org/2000/svg'

export class PaneDrawings {
  private readonly layers = new Map<HTMLDivElement, SVGSVGElement>()

  /** @param marks what is drawn in a pane now. */
  constructor(
    private readonly host: PaneHost, private readonly event: string, private readonly name: string,
    private readonly marks: (view: PaneView, viewport: Viewport) => readonly SVGElement[],
  ) {}

  /** Draw in exactly these panes. */
  show(views: readonly PaneView[]): void {
    for (const element of [...this.layers.keys()]) if (!views.some((view) => view.element === element)) this.remove(element)
    for (const view of views) this.drawIn(view)
  }

  destroy(): void {
    this.show([])
  }

  private drawIn(view: PaneView): void {
    const viewport = viewportOf(view)
    if (viewport) this.layer(view.element).replaceChildren(...this.marks(view, viewport))
  }

  private layer(element: HTMLDivElement): SVGSVGElement {
    const known = this.layers.get(element)
    if (known) return known
    const layer = drawn('svg', { class: this.name })
    Object.assign(layer.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none' })
    element.append(layer)
    element.addEventListener(this.event, this.told)
    this.layers.set(element, layer)
    return layer
  }

  private readonly told = (event: Event): void => {
    const view = this.host.views().find(({ element }) => element === event.currentTarget)
    if (view) this.drawIn(view)
  }

  private remove(element: HTMLDivElement): void {
    this.layers.get(element)?.remove()
    this.layers.delete(element)
    element.removeEventListener(this.event, this.told)
  }
}

export function viewportOf(view: PaneView): Viewport | null {
  const found: unknown = core.getRenderingEngine(view.engineId)?.getViewport(view.viewportId)
  return (found as Viewport | undefined) ?? null
}

export function drawn<Name extends keyof SVGElementTagNameMap>(
  name: Name, attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  return element
}
