/** What is painted: the segments of the schema, how they look, and the brush. */
import { Button, Group, Loader, NumberInput, Radio, Slider, Stack, Switch, Text, UnstyledButton } from '@mantine/core'
import { IconEye, IconEyeOff, IconLock, IconLockOpen } from '@tabler/icons-react'
import type { CSSProperties } from 'react'
import { formatNumber, t } from '../i18n'
import { labelColour } from '../ui/theme'
import { MASK_OPERATIONS, type MaskOperation, type MaskReach, type ToolName } from '../viewer/types'
import type { Segment } from './definition'
import { keyed } from './actions'
import { leaveOnEnter, releaseFocus } from './focus'
import classes from './panel.module.css'
import { Small } from './Small'

export interface SegmentLook {
  opacity: number
  isHidden: boolean
  isLocked: boolean
}

export interface Brush {
  radius_mm: number
  shape: 'circle' | 'sphere'
  threshold: readonly [number, number] | null
}

export const MIN_RADIUS_MM = 0.5
export const MAX_RADIUS_MM = 100
export const FIRST_BOUNDS = [0, 100] as const
export const DEFAULT_LOOK: SegmentLook = { opacity: 0.4, isHidden: false, isLocked: false }

export interface SegmentPanelProps {
  segments: readonly Segment[]
  selected: number | null
  looks: Readonly<Record<number, SegmentLook>>
  brush: Brush
  /** What the left button does: shape and bounds are the threshold brush's alone. */
  tool: ToolName
  isOutlineOnly: boolean
  isDisabled: boolean
  /** Whether an operation is at work. */
  isBusy: boolean
  reach: MaskReach
  onReach: (reach: MaskReach) => void
  onOperation: (operation: MaskOperation) => void
  onSelect: (value: number) => void
  onLook: (value: number, look: SegmentLook) => void
  onBrush: (brush: Brush) => void
  onOutlineOnly: (isOn: boolean) => void
}

export function segmentColour(segment: Segment): string {
  return segment.colour ?? labelColour(segment.value - 1)
}

export function SegmentPanel(props: SegmentPanelProps) {
  const { segments, selected, isOutlineOnly, onOutlineOnly } = props
  return (
    <Stack gap="sm">
      <Stack gap={6} component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('segments.title')}>
        {segments.map((segment) => (
          <SegmentEntry key={segment.value} {...props} segment={segment} isSelected={segment.value === selected} />
        ))}
      </Stack>
      <Switch
        {...keyed('outline_only')}
        size="xs"
        label={t('segments.outline_only')}
        checked={isOutlineOnly}
        onChange={(event) => onOutlineOnly(event.currentTarget.checked)}
      />
      <BrushControls {...props} />
      <Operations {...props} />
    </Stack>
  )
}

interface EntryProps extends SegmentPanelProps {
  segment: Segment
  isSelected: boolean
}

function SegmentEntry({ segment, isSelected, looks, onSelect, onLook }: EntryProps) {
  const look = looks[segment.value] ?? DEFAULT_LOOK
  const title = segment.label
  return (
    <li
      className={classes.entry}
      data-selected={isSelected || undefined}
      style={{ '--label-colour': segmentColour(segment) } as CSSProperties}
    >
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <UnstyledButton
          {...keyed('segment_next')}
          style={{ flex: 1, minWidth: 0 }}
          aria-pressed={isSelected}
          onClick={releaseFocus(() => onSelect(segment.value))}
        >
          <Text size="sm" fw={isSelected ? 700 : 400} truncate>
            {title}
          </Text>
        </UnstyledButton>
        <Small action="segment_hide" isInHand={isSelected} label={t(look.isHidden ? 'regions.show' : 'regions.hide', { title })} onPress={() => onLook(segment.value, { ...look, isHidden: !look.isHidden })}>
          {look.isHidden ? <IconEyeOff size="1rem" /> : <IconEye size="1rem" />}
        </Small>
        <Small action="segment_lock" isInHand={isSelected} label={t(look.isLocked ? 'regions.unlock' : 'regions.lock', { title })} onPress={() => onLook(segment.value, { ...look, isLocked: !look.isLocked })}>
          {look.isLocked ? <IconLock size="1rem" /> : <IconLockOpen size="1rem" />}
        </Small>
      </Group>
      {isSelected && (
        <Slider
          {...keyed('segment_stronger')}
          size="xs"
          mt={4}
          min={0}
          max={1}
          step={0.05}
          value={look.opacity}
          thumbLabel={t('segments.opacity', { title })}
          label={(value) => t('segments.percent', { percent: Math.round(value * 100) })}
          onChange={(opacity) => onLook(segment.value, { ...look, opacity })}
        />
      )}
    </li>
  )
}

function BrushControls(props: SegmentPanelProps) {
  const { brush, onBrush, isDisabled, tool } = props
  return (
    <Stack gap={6}>
      <Text size="xs" c="dimmed">
        {t('brush.radius', { radius: formatNumber(brush.radius_mm, 1) })}
      </Text>
      <Slider
        {...keyed('brush_larger')}
        size="xs"
        min={MIN_RADIUS_MM}
        max={MAX_RADIUS_MM}
        step={0.5}
        value={brush.radius_mm}
        disabled={isDisabled}
        thumbLabel={t('brush.radius_label')}
        label={null}
        onChange={(radius_mm) => onBrush({ ...brush, radius_mm })}
      />
      {tool === 'threshold' && <ThresholdControls {...props} />}
    </Stack>
  )
}

/** Each is one step to undo; a slice alone is cleared whatever the switch says. */
function Operations({ isBusy, isDisabled, reach, onReach, onOperation }: SegmentPanelProps) {
  return (
    <Stack gap={6}>
      <Group gap={4} aria-busy={isBusy}>
        {MASK_OPERATIONS.map((name) => (
          <Button
            key={name}
            {...keyed(`operation_${name}`)}
            size="compact-xs"
            variant="default"
            disabled={isDisabled || isBusy}
            onClick={releaseFocus(() => onOperation(name))}
          >
            {t(`operation.${name}`)}
          </Button>
        ))}
        {isBusy && <Loader size="xs" role="status" aria-label={t('operation.busy')} />}
      </Group>
      <Switch
        {...keyed('operation_reach')}
        size="xs"
        label={t('operation.whole_series')}
        checked={reach === 'series'}
        onChange={(event) => onReach(event.currentTarget.checked ? 'series' : 'shown')}
      />
    </Stack>
  )
}

/** Other brushes have a shape by their name, and paint whatever lies under them. */
function ThresholdControls({ brush, onBrush }: SegmentPanelProps) {
  const [low, high] = brush.threshold ?? FIRST_BOUNDS
  return (
    <>
      <Radio.Group
        {...keyed('brush_shape')}
        size="xs"
        label={t('brush.shape')}
        value={brush.shape}
        onChange={(value) => onBrush({ ...brush, shape: value === 'sphere' ? 'sphere' : 'circle' })}
      >
        <Group gap="sm">
          <Radio size="xs" value="circle" label={t('brush.circle')} />
          <Radio size="xs" value="sphere" label={t('brush.sphere')} />
        </Group>
      </Radio.Group>
      <Switch
        {...keyed('threshold')}
        size="xs"
        label={t('brush.threshold')}
        checked={brush.threshold !== null}
        onChange={(event) => onBrush({ ...brush, threshold: event.currentTarget.checked ? [low, high] : null })}
      />
      {brush.threshold !== null && (
        <Group grow gap={6}>
          <NumberInput {...keyed('threshold_bounds')} size="xs" onKeyDown={leaveOnEnter} label={t('brush.from')} value={low} onChange={(value) => onBrush({ ...brush, threshold: [Number(value), high] })} />
          <NumberInput {...keyed('threshold_bounds')} size="xs" onKeyDown={leaveOnEnter} label={t('brush.to')} value={high} onChange={(value) => onBrush({ ...brush, threshold: [low, Number(value)] })} />
        </Group>
      )}
    </>
  )
}
