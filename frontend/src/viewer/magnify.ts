/** The magnifying glass: Cornerstone's in stacks, and an enlarged piece of the picture in planes of a volume, where
 * Cornerstone's would throw because it finds no single image. */
import { StackViewport, getEnabledElement, type Types } from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'

type MouseEvent = tools.Types.EventTypes.InteractionEventType
type Point2 = readonly [number, number]

export class GlassTool extends tools.MagnifyTool {
  static override toolName = 'FirstreadMagnify'
  private glass: HTMLCanvasElement | null = null

  constructor(props = {}) {
    super(props)
    const magnify = this.preMouseDownCallback
    this.preMouseDownCallback = (event) => {
      const viewport = getEnabledElement(event.detail.element)?.viewport
      if (viewport instanceof StackViewport) return magnify(event)
      if (viewport) this.hold(viewport, event.detail.currentPoints.canvas)
      return viewport !== undefined
    }
  }

  mouseDragCallback(event: MouseEvent): void {
    const { element, currentPoints } = event.detail as tools.Types.EventTypes.MouseDragEventDetail
    const viewport = getEnabledElement(element)?.viewport
    if (this.glass && viewport) this.hold(viewport, currentPoints.canvas)
  }

  mouseUpCallback(): void {
    this.glass?.remove()
    this.glass = null
  }

  /** What Cornerstone calls the end of a press that did not move. */
  mouseClickCallback(): void {
    this.mouseUpCallback()
  }

  /** Over a point of the pane, in its own pixels. */
  private hold(viewport: Pick<Types.IViewport, 'getCanvas' | 'element'>, [x, y]: Point2): void {
    const { magnifySize, magnifyWidth: width, magnifyHeight: height } = this.configuration as Record<string, number> & {
      magnifySize: number; magnifyWidth: number; magnifyHeight: number
    }
    const picture = viewport.getCanvas()
    const glass = this.glass ?? document.createElement('canvas')
    const dense = picture.width / viewport.element.clientWidth
    Object.assign(glass, { className: 'magnifyTool', width: width * dense, height: height * dense })
    Object.assign(glass.style, {
      position: 'absolute', pointerEvents: 'none', width: `${width}px`, height: `${height}px`,
      left: `${x - width / 2}px`, top: `${y - height / 2}px`, background: '#000',
    })
    const [wide, high] = [glass.width / magnifySize, glass.height / magnifySize]
    glass.getContext('2d')?.drawImage(picture, x * dense - wide / 2, y * dense - high / 2, wide, high, 0, 0, glass.width, glass.height)
    if (this.glass === null) viewport.element.append(glass)
    this.glass = glass
  }
}
