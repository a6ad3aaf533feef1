/** Lines drawn over a pane that are no findings: reference lines, crosshairs, a dragged rectangle. */

export type Point2 = readonly [number, number]

const SVG = 'http://www.w3.org/2000/svg'
const REFERENCE = '#ffd43b'
const CROSSHAIR = '#69db7c'
const RECTANGLE = '#74c0fc'
/** What lies under the crosshairs' centre stays visible. */
const GAP = 14

export class Markings {
  private readonly svg = document.createElementNS(SVG, 'svg')
  private rectangle: [Point2, Point2] | null = null
  private lines: SVGElement[] = []

  constructor(parent: HTMLElement) {
    Object.assign(this.svg.style, {
      position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none',
      zIndex: '2',
    })
    parent.append(this.svg)
  }

  /** A line from another pane's plane, and the point that all panes show. */
  draw(reference: [Point2, Point2] | null, cross: Point2 | null): void {
    if (!reference && !cross && this.lines.length === 0) return
    this.lines = [
      ...(reference ? [line(...reference, REFERENCE, 'reference-line')] : []),
      ...(cross ? this.cross(cross) : []),
    ]
    this.update()
  }

  drawRectangle(corners: [Point2, Point2] | null): void {
    this.rectangle = corners
    this.update()
  }

  private update(): void {
    const shown = this.rectangle ? [...this.lines, rectangle(...this.rectangle)] : this.lines
    this.svg.replaceChildren(...shown)
  }

  private cross([x, y]: Point2): SVGElement[] {
    const { clientWidth, clientHeight } = this.svg
    const ends: [Point2, Point2][] = [
      [[0, y], [x - GAP, y]], [[x + GAP, y], [clientWidth, y]],
      [[x, 0], [x, y - GAP]], [[x, y + GAP], [x, clientHeight]],
    ]
    return ends.map(([from, to]) => line(from, to, CROSSHAIR, 'crosshair'))
  }
}

function line([x1, y1]: Point2, [x2, y2]: Point2, colour: string, name: string): SVGElement {
  const element = document.createElementNS(SVG, 'line')
  set(element, { x1, y1, x2, y2, stroke: colour, 'stroke-width': 1.2, 'data-testid': name })
  return element
}

function rectangle([x1, y1]: Point2, [x2, y2]: Point2): SVGElement {
  const element = document.createElementNS(SVG, 'rect')
  set(element, {
    x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1),
    fill: 'none', stroke: RECTANGLE,
  })
  return element
}

function set(element: SVGElement, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
}
