/** The tools in groups; what is not possible now is shown with the reason. */
import { Divider, Group } from '@mantine/core'
import { IconArrowBackUp, IconArrowForwardUp } from '@tabler/icons-react'
import { Fragment, type ReactNode } from 'react'
import { t } from '../i18n'
import { MASK_TOOLS, REGION_KINDS, VIEW_TOOLS, type RegionKind, type ToolName, type WorkstationState } from '../viewer/types'
import { actionOfTool, type ActionId } from './actions'
import { CineControl, LabelPicker, LayoutMenu, PresetMenu, SlabControl, type MenuProps } from './ToolMenus'
import { ToolButton, type Doable } from './ToolButton'
import { TOOL_ICONS } from './toolIcons'
import classes from './reading.module.css'

export interface ToolbarProps extends Doable, MenuProps {
  state: WorkstationState
  /** Region kinds that the schema asks for; an empty list hides the group. */
  kinds: readonly RegionKind[]
  hasSegments: boolean
  steps: { undo: string | null; redo: string | null }
}

type Title = 'toolbar.steps' | 'toolbar.image' | 'toolbar.panes' | 'group.view' | 'group.regions' | 'group.masks'

const IMAGE: readonly ActionId[] = ['fit', 'reset', 'invert', 'flip_horizontal', 'flip_vertical', 'rotate_left', 'rotate_right']

export function Toolbar(props: ToolbarProps) {
  const { state, kinds, hasSegments, steps } = props
  const doable = { commands: props.commands, reasons: props.reasons, custom: props.custom }
  const undo = steps.undo === null ? t('action.undo') : t('toolbar.undo_step', { step: steps.undo })
  const redo = steps.redo === null ? t('action.redo') : t('toolbar.redo_step', { step: steps.redo })
  const tools = (names: readonly ToolName[]) => names.map((tool) => ({ id: actionOfTool(tool), isOn: state.tool === tool }))
  const { scroll, window: byWindow, zoom } = state.links
  return (
    <div className={classes.toolbar} role="toolbar" aria-label={t('toolbar.title')}>
      <Tools heading="toolbar.steps">
        <ToolButton {...doable} id="undo" icon={IconArrowBackUp} name={undo} />
        <ToolButton {...doable} id="redo" icon={IconArrowForwardUp} name={redo} />
      </Tools>
      <Tools heading="group.view">
        <Buttons {...doable} of={tools(VIEW_TOOLS)} />
      </Tools>
      <Tools heading="toolbar.image">
        <Buttons {...doable} of={IMAGE.map((id) => ({ id, ...(id === 'invert' ? { isOn: activePane(state)?.isInverted ?? false } : {}) }))} />
        <PresetMenu {...props} />
        <SlabControl {...props} />
        <CineControl {...props} />
      </Tools>
      <Tools heading="toolbar.panes">
        <LayoutMenu {...props} />
        <Buttons
          {...doable}
          of={[
            { id: 'planes', isOn: (activePane(state)?.as ?? 'stack') !== 'stack' },
            { id: 'reference_lines', isOn: state.hasReferenceLines },
            { id: 'link_scroll', isOn: scroll },
            { id: 'link_window', isOn: byWindow },
            { id: 'link_zoom', isOn: zoom },
          ]}
        />
      </Tools>
      {kinds.length > 0 && (
        <Tools heading="group.regions">
          <Buttons {...doable} of={tools(REGION_KINDS.filter((kind) => kinds.includes(kind)))} />
          <LabelPicker {...props} />
        </Tools>
      )}
      {hasSegments && (
        <Tools heading="group.masks">
          <Buttons {...doable} of={tools(MASK_TOOLS)} />
        </Tools>
      )}
    </div>
  )
}

function activePane(state: WorkstationState) {
  return state.panes[state.active]
}

function Buttons({ of, ...doable }: Doable & { of: readonly { id: ActionId; isOn?: boolean }[] }) {
  return of.map(({ id, isOn }) => {
    const icon = TOOL_ICONS[id]
    return icon ? <ToolButton key={id} {...doable} id={id} icon={icon} isOn={isOn} /> : <Fragment key={id} />
  })
}

function Tools({ heading, children }: { heading: Title; children: ReactNode }) {
  return (
    <>
      <Group gap={2} role="group" aria-label={t(heading)} wrap="nowrap">
        {children}
      </Group>
      <Divider orientation="vertical" className={classes.divider ?? ''} />
    </>
  )
}
