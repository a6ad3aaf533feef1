/** The menus of the toolbar: layout, window preset, slab, cine and the label of what is drawn next. */
import { ActionIcon, Button, Menu, NumberInput, Popover, SegmentedControl, Select, Stack, Switch, Tooltip } from '@mantine/core'
import {
  IconAdjustmentsHorizontal, IconLayoutGrid, IconPlayerPause, IconPlayerPlay, IconStackFront,
} from '@tabler/icons-react'
import { t } from '../i18n'
import { MAX_RATE } from '../viewer/cine'
import { LAYOUTS, type Layout, type Slab, type WorkstationState } from '../viewer/types'
import { actionOf, keyed, type ActionId } from './actions'
import type { RegionLabel } from './definition'
import { leaveList, leaveOnEnter } from './focus'
import { keysOf } from './keymap'
import { shownKey } from './keyText'
import { FIRST_SLAB_MM, MAX_SLAB_MM, SLABS } from './slabs'
import type { Doable } from './ToolButton'
import classes from './reading.module.css'
import { presetText } from './viewerText'

export interface MenuProps {
  /** Names of the presets of the active pane, in the order of their keys. */
  presets: readonly string[]
  cineRate: number
  onCineRate: (framesPerSecond: number) => void
  /** Null where the pane shows no plane through a volume. */
  onSlab: ((slab: Slab | null) => void) | null
  labels: readonly RegionLabel[]
  label: string
  onLabel: (label: string) => void
}

type Props = MenuProps & Doable & { state: WorkstationState }

export function LayoutMenu({ state, commands, custom }: Props) {
  return (
    <Menu position="bottom-start" returnFocus={false}>
      <Menu.Target>
        <Button className={classes.menu ?? ''} size="compact-sm" variant="subtle" color="gray" leftSection={<IconLayoutGrid size="1.1rem" />}
          aria-label={t('toolbar.layout', { layout: shownLayout(state.layout) })}>
          {shownLayout(state.layout)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {LAYOUTS.map((layout) => {
          const id: ActionId = `layout_${layout}`
          return (
            <Menu.Item
              key={layout}
              {...keyed(id)}
              disabled={commands[id] === undefined}
              rightSection={<Shortcut id={id} custom={custom} />}
              onClick={() => commands[id]?.()}
            >
              {t(actionOf(id).label)}
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}

export function shownLayout(layout: Layout): string {
  return layout.replace('x', ' × ')
}

export function PresetMenu({ state, presets, commands, custom }: Props) {
  const preset = state.panes[state.active]?.preset ?? ''
  const title = preset === '' ? t('toolbar.preset') : presetText(preset)
  return (
    <Menu position="bottom-start" returnFocus={false} disabled={presets.length === 0}>
      <Menu.Target>
        <Button className={classes.menu ?? ''} size="compact-sm" variant="subtle" color="gray" disabled={presets.length === 0}
          leftSection={<IconAdjustmentsHorizontal size="1.1rem" />}>
          {title}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {presets.slice(0, 9).map((name, index) => {
          const id = `preset_${index + 1}` as ActionId
          return (
            <Menu.Item
              key={name}
              {...keyed(id)}
              disabled={commands[id] === undefined}
              rightSection={<Shortcut id={id} custom={custom} />}
              onClick={() => commands[id]?.()}
            >
              {presetText(name)}
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}

export function SlabControl({ state, onSlab }: Props) {
  const slab = state.panes[state.active]?.slab ?? null
  const change = (mode: string) => {
    const found = SLABS.find((one) => one === mode)
    onSlab?.(found === undefined || found === 'off' ? null : { mm: slab ? slab.mm : FIRST_SLAB_MM, mode: found })
  }
  const why = onSlab === null ? t('reason.not_a_plane') : t('toolbar.slab')
  return (
    <Popover position="bottom-start" disabled={onSlab === null}>
      <Popover.Target>
        <Tooltip label={why}>
          <ActionIcon {...keyed('slab_mode')} className={classes.tool ?? ''} variant={slab ? 'filled' : 'subtle'} color={slab ? 'blue' : 'gray'}
            aria-label={why} aria-disabled={onSlab === null || undefined}>
            <IconStackFront size="1.2rem" stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <SegmentedControl
            {...keyed('slab_mode')}
            size="xs"
            aria-label={t('toolbar.slab')}
            value={slab?.mode ?? 'off'}
            data={SLABS.map((mode) => ({ value: mode, label: t(`slab.${mode}`) }))}
            onChange={change}
          />
          {slab && (
            <Switch
              {...keyed('slab_whole')}
              size="xs"
              label={t('toolbar.slab_whole')}
              checked={slab.mm === null}
              onChange={(event) => onSlab?.({ ...slab, mm: event.currentTarget.checked ? null : FIRST_SLAB_MM })}
            />
          )}
          {slab && slab.mm !== null && (
            <NumberInput
              {...keyed('slab_thicker')}
              size="xs"
              label={t('toolbar.slab_mm')}
              min={1}
              max={MAX_SLAB_MM}
              value={slab.mm}
              onChange={(mm) => typeof mm === 'number' && mm > 0 && onSlab?.({ ...slab, mm })}
            />
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

export function CineControl({ state, commands, reasons, cineRate, onCineRate }: Props) {
  const isPlaying = state.panes[state.active]?.isPlaying ?? false
  const command = commands.cine
  const title = t(isPlaying ? 'toolbar.cine_stop' : 'toolbar.cine_play')
  const label = command ? title : t('toolbar.hint_off', { title, why: reasons.cine ?? t('reason.not_now') })
  return (
    <>
      <Tooltip label={label}>
        <ActionIcon className={classes.tool ?? ''} variant={isPlaying ? 'filled' : 'subtle'} color={isPlaying ? 'blue' : 'gray'}
          aria-label={label} aria-pressed={isPlaying} aria-disabled={!command || undefined}
          {...keyed('cine')} onClick={() => command?.()}>
          {isPlaying ? <IconPlayerPause size="1.2rem" /> : <IconPlayerPlay size="1.2rem" />}
        </ActionIcon>
      </Tooltip>
      {isPlaying && (
        <NumberInput
          {...keyed('cine_faster')}
          size="xs"
          w="4.5rem"
          aria-label={t('toolbar.cine_rate')}
          min={1}
          max={MAX_RATE}
          value={cineRate}
          onChange={(rate) => typeof rate === 'number' && rate > 0 && onCineRate(rate)}
          onKeyDown={leaveOnEnter}
        />
      )}
    </>
  )
}

/** Which label the next region gets. */
export function LabelPicker({ labels, label, onLabel }: Props) {
  if (labels.length < 2) return null
  return (
    <Select
      {...keyed('label_next')}
      size="xs"
      w="9rem"
      aria-label={t('toolbar.label')}
      data={labels.map(({ key, label: text }) => ({ value: key, label: text }))}
      value={label}
      allowDeselect={false}
      onChange={(value) => value !== null && onLabel(value)}
      onDropdownClose={leaveList}
    />
  )
}

function Shortcut({ id, custom }: { id: ActionId; custom: Props['custom'] }) {
  const [key] = keysOf(actionOf(id), custom)
  return key === undefined ? null : <span className={classes.shortcut}>{shownKey(key)}</span>
}
