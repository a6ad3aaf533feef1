/** The one list of what a reader can do by key: the key handler, the cheat sheet, the remapping page,
 * the tooltips and the controls themselves (`keyed`) all read it.
 *
 * How both hands keep working for eight hours: answers own the plain letters and digits (the schema
 * says which), tools are Shift and a letter, window presets are F1-F9 and layouts Shift+F1-F9. What
 * is pressed all day (scroll, submit, undo) has a plain key that no schema may use. Alt and a letter
 * changes what is in hand: the region that is selected, the segment, the question. The letters of
 * browsers' menus (D, E, F) stay free. */
import { LAYOUTS, MASK_TOOLS, REGION_KINDS, VIEW_TOOLS, type ToolName } from '../viewer/types'

export const GROUPS = [
  'read', 'questions', 'suggestions', 'explanations', 'comments', 'marks', 'review', 'view', 'planes', 'windows', 'regions', 'masks', 'segment', 'presets', 'layouts',
] as const
export type Group = (typeof GROUPS)[number]

type Spec = readonly [keys: readonly string[], repeats?: 'repeats']

/** Keys are written as keymap.ts names them; the first is the one that is shown on buttons. */
const READ = {
  submit: [['Enter']],
  undo_submission: [['z']],
  normal: [['u']],
  undo: [['Ctrl+z'], 'repeats'],
  redo: [['Ctrl+y', 'Ctrl+Shift+z'], 'repeats'],
  flag: [['!']],
  second_opinion: [['*']],
  skip: [['>']],
  help: [['?']],
  claim: [['Ctrl+Shift+Home']],
  leave: [['Ctrl+Shift+End']],
  amiss_next: [['Ctrl+!']],
  images_again: [['Ctrl+F6']],
  graphics_restart: [['Ctrl+F7']],
  masks_again: [['Ctrl+F11']],
  conflict_look: [['Ctrl+F8']],
  conflict_mine: [['Ctrl+F9']],
  conflict_theirs: [['Ctrl+F10']],
} satisfies Record<string, Spec>

/** Every question that is asked, of whatever scope, can be taken in hand; then the digits answer it. */
const QUESTIONS = {
  question_next: [['Alt+ArrowDown'], 'repeats'],
  question_previous: [['Alt+ArrowUp'], 'repeats'],
  question_type: [['Alt+Enter']],
  question_cannot_assess: [['Alt+x']],
  question_take_back: [['Alt+Backspace']],
} satisfies Record<string, Spec>

const COMMENTS = {
  comment: [['Shift+n']],
  pin: [['Ctrl+.']],
  comment_pin: [['Alt+n']],
  comment_next: [['Ctrl+;']],
  comment_previous: [['Ctrl+:']],
  comment_resolve: [['Ctrl+/']],
  comment_delete: [['Ctrl+Delete']],
} satisfies Record<string, Spec>

/** On the page of a case that is looked at: whose read is shown, and what readers noted. */
const MARKS = {
  read_previous: [['Ctrl+Home'], 'repeats'],
  read_next: [['Ctrl+End'], 'repeats'],
  mark_previous: [['Ctrl+<'], 'repeats'],
  mark_next: [['Ctrl+>'], 'repeats'],
  mark_resolve: [['Ctrl+?']],
  mark_give: [['Ctrl+$']],
  mark_withdraw: [['Ctrl+%']],
  mark_remove: [['Alt+Delete']],
  masks_download: [['Ctrl+#']],
} satisfies Record<string, Spec>

/** On the same page, of a read that waits for a verdict. */
const REVIEW = {
  review_approve: [['Alt+Shift+Enter']],
  review_return: [['Alt+Shift+Backspace']],
  review_next: [['Alt+Shift+ArrowDown']],
} satisfies Record<string, Spec>

const SUGGESTIONS = {
  suggestion_accept: [['Shift+Enter']],
  suggestion_edit: [['Ctrl+Enter']],
  suggestion_refuse: [['Shift+Backspace']],
  suggestion_goto: [['Ctrl+Shift+Enter']],
  suggestion_show: [['Ctrl+Backspace']],
  suggestion_reveal: [['Ctrl+Shift+Backspace']],
} satisfies Record<string, Spec>

const EXPLANATIONS = {
  explanation_show: [['(']],
  explanation_next: [[')']],
  explanation_goto: [['Ctrl+(']],
  explanation_answer: [['Ctrl+)']],
  explanation_fainter: [['Shift+End'], 'repeats'],
  explanation_stronger: [['Shift+Home'], 'repeats'],
  explanation_retry: [['Alt+End']],
} satisfies Record<string, Spec>

const VIEW = {
  pointer: [['Shift+Space']],
  tool_window: [['Shift+w']],
  tool_window_region: [['<']],
  tool_pan: [['Shift+p']],
  tool_zoom: [['Shift+z']],
  tool_scroll: [['Shift+s']],
  tool_magnify: [['Shift+m']],
  tool_crosshairs: [['Shift+x']],
  slice_previous: [['ArrowUp'], 'repeats'],
  slice_next: [['ArrowDown'], 'repeats'],
  page_previous: [['PageUp'], 'repeats'],
  page_next: [['PageDown'], 'repeats'],
  slice_first: [['Home']],
  slice_last: [['End']],
  cine: [['Space']],
  cine_slower: [['Ctrl+Shift+ArrowDown'], 'repeats'],
  cine_faster: [['Ctrl+Shift+ArrowUp'], 'repeats'],
  zoom_in: [['+'], 'repeats'],
  zoom_out: [['-'], 'repeats'],
  fit: [['=']],
  reset: [['r']],
  invert: [['i']],
  rotate_left: [['Ctrl+ArrowLeft']],
  rotate_right: [['Ctrl+ArrowRight']],
  flip_horizontal: [['Ctrl+ArrowDown']],
  flip_vertical: [['Ctrl+ArrowUp']],
  reference_lines: [['/']],
  link_scroll: [['&']],
  link_window: [['%']],
  link_zoom: [['$']],
} satisfies Record<string, Spec>

const PLANES = {
  planes: [['#']],
  slab_mode: [['Alt+m']],
  slab_thinner: [['Ctrl+Shift+ArrowLeft'], 'repeats'],
  slab_thicker: [['Ctrl+Shift+ArrowRight'], 'repeats'],
  slab_whole: [['Alt+v']],
} satisfies Record<string, Spec>

const REGIONS = {
  tool_point: [['Shift+d']],
  tool_length: [['Shift+l']],
  tool_bidirectional: [['Shift+u']],
  tool_angle: [['Shift+a']],
  tool_arrow: [['Shift+v']],
  tool_box: [['Shift+r']],
  tool_ellipse: [['Shift+o']],
  tool_polygon: [['Shift+g']],
  tool_freehand: [['Shift+f']],
  region_previous: [['Shift+ArrowLeft'], 'repeats'],
  region_next: [['Shift+ArrowRight'], 'repeats'],
  region_hide: [['Alt+h']],
  region_lock: [['Alt+l']],
  region_rename: [['Alt+r']],
  region_relabel: [['Alt+t']],
  region_delete: [['Delete', 'Backspace']],
  label_previous: [['Alt+PageUp'], 'repeats'],
  label_next: [['Alt+PageDown'], 'repeats'],
  regions_hide: [['Shift+h']],
  cancel: [['Escape']],
} satisfies Record<string, Spec>

const MASKS = {
  tool_brush: [['Shift+b']],
  tool_eraser: [['Shift+e']],
  tool_sphere: [['Shift+y']],
  tool_sphere_eraser: [['Shift+q']],
  tool_threshold: [['Shift+t']],
  tool_rectangle_scissors: [['Shift+c']],
  tool_circle_scissors: [['Shift+k']],
  tool_rectangle_cut: [['"']],
  tool_circle_cut: [["'"]],
  tool_fill: [['Shift+i']],
  brush_smaller: [['[', ','], 'repeats'],
  brush_larger: [[']', '.'], 'repeats'],
  brush_shape: [['Alt+y']],
  threshold: [['Alt+b']],
  threshold_bounds: [['Alt+q']],
  outline_only: [['Alt+o']],
  masks_hide: [['Shift+j']],
  asked_previous: [['{'], 'repeats'],
  asked_next: [['}'], 'repeats'],
} satisfies Record<string, Spec>

/** What is done to the segment in hand. */
const SEGMENT = {
  segment_previous: [['Shift+PageUp'], 'repeats'],
  segment_next: [['Shift+PageDown'], 'repeats'],
  segment_goto: [['Alt+g']],
  segment_hide: [['Alt+j']],
  segment_lock: [['Alt+k']],
  segment_fainter: [['Alt+,'], 'repeats'],
  segment_stronger: [['Alt+.'], 'repeats'],
  operation_interpolate: [['Alt+i']],
  operation_fill_holes: [['Alt+u']],
  operation_remove_islands: [['Alt+a']],
  operation_smooth: [['Alt+s']],
  operation_grow: [['Alt++', 'Alt+=']],
  operation_shrink: [['Alt+-']],
  operation_clear_slice: [['Alt+w']],
  operation_reach: [['Alt+z']],
} satisfies Record<string, Spec>

const PANES = {
  pane_previous: [['ArrowLeft'], 'repeats'],
  pane_next: [['ArrowRight'], 'repeats'],
  pane_maximise: [['_']],
  series_previous: [['Shift+ArrowUp'], 'repeats'],
  series_next: [['Shift+ArrowDown'], 'repeats'],
  study_earlier: [['Alt+p']],
  study_current: [['Alt+c']],
  strip_toggle: [[';']],
  panel_toggle: [[':']],
} satisfies Record<string, Spec>

export const PRESET_COUNT = 9
type PresetAction = `preset_${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
type LayoutAction = `layout_${(typeof LAYOUTS)[number]}`
type Named =
  | keyof typeof READ | keyof typeof QUESTIONS | keyof typeof COMMENTS | keyof typeof MARKS | keyof typeof REVIEW | keyof typeof SUGGESTIONS | keyof typeof EXPLANATIONS
  | keyof typeof VIEW | keyof typeof PLANES | keyof typeof PANES | keyof typeof REGIONS | keyof typeof MASKS | keyof typeof SEGMENT
export type ActionId = Named | PresetAction | LayoutAction

export interface Action {
  id: ActionId
  group: Group
  /** The first one is shown; all of them work until the reader chooses a key of their own. */
  keys: readonly string[]
  /** Whether holding the key down goes on doing it. */
  repeats: boolean
  label: `action.${ActionId}`
}

export const ACTIONS: readonly Action[] = [
  ...listed('read', READ),
  ...listed('questions', QUESTIONS),
  ...listed('comments', COMMENTS),
  ...listed('marks', MARKS),
  ...listed('review', REVIEW),
  ...listed('suggestions', SUGGESTIONS),
  ...listed('explanations', EXPLANATIONS),
  ...listed('view', VIEW),
  ...listed('planes', PLANES),
  ...listed('windows', PANES),
  ...listed('regions', REGIONS),
  ...listed('masks', MASKS),
  ...listed('segment', SEGMENT),
  ...Array.from({ length: PRESET_COUNT }, (_, index) =>
    action('presets', `preset_${index + 1}` as PresetAction, [[`F${index + 1}`]])),
  ...LAYOUTS.map((layout, index) => action('layouts', `layout_${layout}`, [[`Shift+F${index + 1}`]])),
]

const BY_ID = new Map(ACTIONS.map((one) => [one.id, one]))

export function actionOf(id: ActionId): Action {
  const found = BY_ID.get(id)
  if (!found) throw new Error(`There is no action ${id}.`)
  return found
}

/** The action that takes a tool in hand. */
export function actionOfTool(tool: ToolName): ActionId {
  return `tool_${tool}`
}

export const TOOLS: readonly ToolName[] = [...VIEW_TOOLS, ...REGION_KINDS, ...MASK_TOOLS]

/** Spread on every control of the room: which action it does. A test asks it of all of them. */
export function keyed(id: ActionId): { 'data-action': ActionId } {
  return { 'data-action': id }
}

/** What the page can do at this moment; an action without a command is disabled. */
export type Commands = Partial<Record<ActionId, () => void>>
/** Why an action has no command now, as text. */
export type Reasons = Partial<Record<ActionId, string | undefined>>

function listed(group: Group, specs: Record<string, Spec>): Action[] {
  return Object.entries(specs).map(([id, spec]) => action(group, id as Named, spec))
}

function action(group: Group, id: ActionId, [keys, repeats]: Spec): Action {
  return { id, group, keys, repeats: repeats === 'repeats', label: `action.${id}` }
}
