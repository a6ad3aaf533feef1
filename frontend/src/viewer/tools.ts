/** The tools and what the mouse buttons do: one tool group for all panes. */
import * as tools from '@cornerstonejs/tools'
import { PointTool, ScrollTool, WindowRegionTool } from './gestures'
import { GlassTool } from './magnify'
import { endWithThePress, giveUpScissors } from './masks/scissors'
import { textLinesOf } from './regions/texts'
import { REGION_KINDS, VIEW_TOOLS, type RegionKind, type ToolName } from './types'

export const TOOL_GROUP = 'reading'

/** Tool classes carry their names untyped. */
function named(tool: { toolName: unknown }): string {
  return String(tool.toolName)
}

/** Under which name Cornerstone knows a tool in our group (an annotation's metadata.toolName). */
export const CORNERSTONE_TOOLS: Readonly<Record<ToolName, string>> = {
  window: named(tools.WindowLevelTool),
  window_region: named(WindowRegionTool),
  pan: named(tools.PanTool),
  zoom: named(tools.ZoomTool),
  scroll: named(ScrollTool),
  magnify: named(GlassTool),
  crosshairs: named(PointTool),
  point: named(tools.ProbeTool),
  length: named(tools.LengthTool),
  bidirectional: named(tools.BidirectionalTool),
  angle: named(tools.AngleTool),
  arrow: named(tools.ArrowAnnotateTool),
  box: named(tools.RectangleROITool),
  ellipse: named(tools.EllipticalROITool),
  freehand: named(tools.PlanarFreehandROITool),
  polygon: 'LinearSplineROI',
  brush: 'CircularBrush',
  eraser: 'CircularEraser',
  sphere: 'SphereBrush',
  sphere_eraser: 'SphereEraser',
  threshold: 'ThresholdBrush',
  rectangle_scissors: named(tools.RectangleScissorsTool),
  circle_scissors: named(tools.CircleScissorsTool),
  rectangle_cut: 'RectangleCut',
  circle_cut: 'CircleCut',
  fill: named(tools.PaintFillTool),
}

const SCISSORS = ['rectangle_scissors', 'circle_scissors', 'rectangle_cut', 'circle_cut'] as const

/** One instance per way of painting, so that each keeps its own strategy. */
const BRUSHES = {
  CircularBrush: 'FILL_INSIDE_CIRCLE',
  CircularEraser: 'ERASE_INSIDE_CIRCLE',
  SphereBrush: 'FILL_INSIDE_SPHERE',
  SphereEraser: 'ERASE_INSIDE_SPHERE',
  ThresholdBrush: 'THRESHOLD_INSIDE_CIRCLE',
}

/** ArrowAnnotate throws an arrow without text away: a space that is not empty keeps it. */
export const ARROW_TEXT = ' '

const CLASSES = [
  tools.WindowLevelTool, WindowRegionTool, tools.PanTool, tools.ZoomTool, ScrollTool,
  GlassTool, PointTool, tools.ProbeTool, tools.LengthTool, tools.BidirectionalTool,
  tools.AngleTool, tools.ArrowAnnotateTool, tools.RectangleROITool, tools.EllipticalROITool,
  tools.PlanarFreehandROITool, tools.SplineROITool, tools.BrushTool, tools.RectangleScissorsTool,
  tools.CircleScissorsTool, tools.PaintFillTool,
]

/** Beside those of every kind. */
const CONFIGURATIONS: Partial<Record<RegionKind, Record<string, unknown>>> = {
  arrow: {
    getTextCallback: (done: (text: string) => void) => done(ARROW_TEXT),
    changeTextCallback: () => undefined,
  },
  freehand: { allowOpenContours: false },
}

const { MouseBindings, KeyboardBindings } = tools.Enums
const PRIMARY = { mouseButton: MouseBindings.Primary }
/** At hand whatever tool the left button holds. */
const ALWAYS: [ToolName, tools.Types.IToolBinding][] = [
  ['pan', { mouseButton: MouseBindings.Auxiliary }],
  ['zoom', { mouseButton: MouseBindings.Secondary }],
  ['scroll', { mouseButton: MouseBindings.Wheel }],
  ['window', { ...PRIMARY, modifierKey: KeyboardBindings.Shift }],
]
const IN_HAND_AT_ONCE: ToolName = 'window'
const MAGNIFICATION = 3

/** Make the tools known to Cornerstone: once per page. */
export function registerTools(): void {
  for (const tool of CLASSES) tools.addTool(tool)
}

export function isRegionKind(tool: ToolName): tool is RegionKind {
  return (REGION_KINDS as readonly string[]).includes(tool)
}

/** The group that all panes share, made when it is first asked for. */
export function toolGroup(): tools.Types.IToolGroup {
  return tools.ToolGroupManager.getToolGroup(TOOL_GROUP) ?? createToolGroup()
}

export function destroyToolGroup(): void {
  giveUpScissors()
  tools.ToolGroupManager.destroyToolGroup(TOOL_GROUP)
}

/** Put a tool into the left button; what stood there before stays where it has other buttons. */
export function moveLeftButton(from: ToolName | null, to: ToolName): void {
  const group = toolGroup()
  if (from !== null && from !== to) rest(group, from)
  group.setToolActive(CORNERSTONE_TOOLS[to], { bindings: [PRIMARY] })
}

function rest(group: tools.Types.IToolGroup, tool: ToolName): void {
  giveUpScissors()
  const hasOtherButton = ALWAYS.some(([name]) => name === tool)
  // Passive regions can still be moved by their handles; an idle brush would leave its ring behind.
  if (hasOtherButton || isRegionKind(tool)) group.setToolPassive(CORNERSTONE_TOOLS[tool])
  else group.setToolDisabled(CORNERSTONE_TOOLS[tool])
}

function createToolGroup(): tools.Types.IToolGroup {
  const group = tools.ToolGroupManager.createToolGroup(TOOL_GROUP)
  if (!group) throw new Error('The tool group could not be created.')
  for (const tool of VIEW_TOOLS) {
    group.addTool(CORNERSTONE_TOOLS[tool], tool === 'magnify' ? { magnifySize: MAGNIFICATION } : {})
  }
  addRegionTools(group)
  addMaskTools(group)
  hideArrowText()
  for (const [tool, binding] of ALWAYS) {
    group.setToolActive(CORNERSTONE_TOOLS[tool], { bindings: [binding] })
  }
  moveLeftButton(null, IN_HAND_AT_ONCE)
  return group
}

function addRegionTools(group: tools.Types.IToolGroup): void {
  for (const kind of REGION_KINDS) {
    const name = CORNERSTONE_TOOLS[kind]
    if (kind === 'polygon') {
      // Corner by corner: straight lines between clicks, closed on the first corner or twice.
      const spline = { type: tools.SplineROITool.SplineTypes.Linear }
      group.addToolInstance(name, named(tools.SplineROITool), { spline, getTextLines: textLinesOf })
    } else {
      group.addTool(name, { ...CONFIGURATIONS[kind], getTextLines: textLinesOf })
    }
    group.setToolPassive(name)
    letStrokesThrough(group.getToolInstance(name) as tools.AnnotationTool)
  }
}

/** Else a line leads from every arrow to the space that stands for its text. */
function hideArrowText(): void {
  tools.annotation.config.style.setToolGroupToolStyles(TOOL_GROUP, {
    global: {}, [CORNERSTONE_TOOLS.arrow]: { textBoxLinkLineWidth: '0' },
  })
}

function addMaskTools(group: tools.Types.IToolGroup): void {
  for (const [name, activeStrategy] of Object.entries(BRUSHES)) {
    group.addToolInstance(name, named(tools.BrushTool), { activeStrategy })
  }
  for (const tool of ['rectangle_scissors', 'circle_scissors', 'fill'] as const) {
    group.addTool(CORNERSTONE_TOOLS[tool])
  }
  const cutting = { activeStrategy: 'ERASE_INSIDE' }
  group.addToolInstance(CORNERSTONE_TOOLS.rectangle_cut, named(tools.RectangleScissorsTool), cutting)
  group.addToolInstance(CORNERSTONE_TOOLS.circle_cut, named(tools.CircleScissorsTool), cutting)
  for (const tool of SCISSORS) endWithThePress(group.getToolInstance(CORNERSTONE_TOOLS[tool]))
}

/** Every tool that paints keeps a record of each slice that it was ever on; undo is ours. */
export function forgetStrokes(): void {
  const group = tools.ToolGroupManager.getToolGroup(TOOL_GROUP)
  for (const tool of Object.values(group?.getToolInstances() ?? {}) as object[]) {
    if ('memoMap' in tool && tool.memoMap instanceof Map) tool.memoMap.clear()
  }
}

/** A stroke that begins on a region's text draws, instead of carrying the text away. */
function letStrokesThrough(tool: tools.AnnotationTool): void {
  const find = tool.getHandleNearImagePoint.bind(tool)
  tool.getHandleNearImagePoint = (element, annotation, point, proximity) => {
    const handle = find(element, annotation, point, proximity)
    return handle === annotation.data.handles?.textBox ? undefined : handle
  }
}
