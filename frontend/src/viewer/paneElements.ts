/** The elements of a pane; whoever draws over a pane does so inside `pane`. */

export interface PaneElements {
  pane: HTMLDivElement
  /** Cornerstone's. */
  viewport: HTMLDivElement
  frame: HTMLDivElement
}

const ACTIVE_FRAME = '1px solid #4dabf7'

export function paneElements(number: number): PaneElements {
  const pane = document.createElement('div')
  const viewport = document.createElement('div')
  const frame = document.createElement('div')
  pane.dataset['testid'] = 'pane'
  pane.dataset['pane'] = String(number)
  pane.tabIndex = 0
  Object.assign(pane.style, {
    position: 'relative', minWidth: '0', minHeight: '0', overflow: 'hidden', background: '#000',
    outline: 'none',
  })
  Object.assign(viewport.style, { position: 'absolute', inset: '0' })
  Object.assign(frame.style, { position: 'absolute', inset: '0', pointerEvents: 'none', zIndex: '4' })
  viewport.oncontextmenu = (event) => event.preventDefault()
  pane.append(viewport, frame)
  return { pane, viewport, frame }
}

/** Whether the canvas has the size of its element; one that is not there yet will have it. */
export function fitsCanvas({ viewport }: PaneElements): boolean {
  const canvas = viewport.querySelector('canvas')
  const isSame = (pixels: number, length: number) => Math.abs(pixels - length * window.devicePixelRatio) <= 1
  return !canvas || (isSame(canvas.width, viewport.clientWidth) && isSame(canvas.height, viewport.clientHeight))
}

export function showFrame({ pane, frame }: PaneElements, isActive: boolean): void {
  pane.dataset['active'] = String(isActive)
  frame.style.border = isActive ? ACTIVE_FRAME : '1px solid transparent'
}

/** Stand in a cell of the grid, or cover all of it; the others keep their cells and sizes. */
export function place({ pane }: PaneElements, cell: { row: number; column: number } | null): void {
  Object.assign(pane.style, {
    gridArea: cell ? `${cell.row} / ${cell.column}` : '1 / 1 / -1 / -1',
    zIndex: cell ? '' : '5',
  })
}
