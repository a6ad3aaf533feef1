/** The forms of region labels, segments, hanging rules and the project's options. */
import { Checkbox, ColorInput, Group, NumberInput, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { t } from '../i18n'
import {
  SUGGESTION_MODES, type HangingPane, type HangingRule, type ProjectOptions, type RegionLabel, type Segment,
} from '../labeling/definition'
import { LABEL_COLOURS, labelColour } from '../ui/theme'
import { ORIENTATIONS } from '../viewer/hanging'
import { PRESET_NAMES } from '../viewer/presets'
import { LAYOUTS, REGION_KINDS } from '../viewer/types'
import { CodeFields, WordsField } from './SchemaEditorFields'
import { SchemaEditorList } from './SchemaEditorList'
import { keyFrom, withField } from './schemaDraft'

interface Editing<T> {
  items: readonly T[]
  onChange: (items: T[]) => void
}

function Colour({ value, onChange }: { value: string; onChange: (colour: string) => void }) {
  return <ColorInput size="xs" label={t('schema.colour')} format="hex" swatches={[...LABEL_COLOURS]} value={value} onChange={onChange} w="9rem" />
}

export function RegionLabelForms({ items, onChange }: Editing<RegionLabel>) {
  return (
    <SchemaEditorList<RegionLabel>
      items={items}
      nameOf={({ label, key }) => label || key}
      addLabel={t('schema.add_label')}
      onAdd={() => {
        const label = t('schema.new_label', { number: items.length + 1 })
        return { key: keyFrom(label, items.map(({ key }) => key)), label, colour: labelColour(items.length) }
      }}
      onChange={onChange}
    >
      {(item, change, index) => (
        <Stack gap="xs">
          <Group gap="xs" align="end">
            <TextInput size="xs" label={t('schema.label')} style={{ flex: 1 }} value={item.label} onChange={(event) => change({ ...item, label: event.currentTarget.value })} />
            <TextInput size="xs" label={t('schema.key')} value={item.key} onChange={(event) => change({ ...item, key: event.currentTarget.value })} />
            <Colour value={item.colour ?? labelColour(index)} onChange={(colour) => change({ ...item, colour })} />
          </Group>
          <Checkbox.Group size="xs" label={t('schema.kinds')} description={t('schema.kinds_help')} value={[...(item.kinds ?? [])]}
            onChange={(kinds) => change(withField(item, 'kinds', kinds.length === 0 ? undefined : (kinds)))}>
            <Group gap="sm" mt={4}>
              {REGION_KINDS.map((kind) => (
                <Checkbox key={kind} size="xs" value={kind} label={t(`tool.${kind}`)} />
              ))}
            </Group>
          </Checkbox.Group>
          <CodeFields code={item.code} onChange={(code) => change(withField(item, 'code', code))} />
        </Stack>
      )}
    </SchemaEditorList>
  )
}

export function SegmentForms({ items, onChange }: Editing<Segment>) {
  return (
    <SchemaEditorList<Segment>
      items={items}
      nameOf={({ label }) => label}
      addLabel={t('schema.add_segment')}
      onAdd={() => {
        const value = Math.max(0, ...items.map((item) => item.value)) + 1
        return { value, label: t('schema.new_segment', { number: value }), colour: labelColour(value - 1), layer: 0 }
      }}
      onChange={onChange}
    >
      {(item, change) => (
        <Stack gap="xs">
          <Group gap="xs" align="end">
            <TextInput size="xs" label={t('schema.label')} style={{ flex: 1 }} value={item.label} onChange={(event) => change({ ...item, label: event.currentTarget.value })} />
            <NumberInput size="xs" label={t('schema.segment_value')} w="6rem" min={1} max={255} value={item.value} onChange={(value) => typeof value === 'number' && change({ ...item, value })} />
            <NumberInput size="xs" label={t('schema.layer')} w="6rem" min={0} max={15} value={item.layer ?? 0} onChange={(layer) => typeof layer === 'number' && change({ ...item, layer })} />
            <Colour value={item.colour ?? labelColour(item.value - 1)} onChange={(colour) => change({ ...item, colour })} />
          </Group>
          <CodeFields code={item.code} onChange={(code) => change(withField(item, 'code', code))} />
        </Stack>
      )}
    </SchemaEditorList>
  )
}

const LINKS = ['scroll', 'window', 'zoom'] as const
const PRESENTATIONS = ['stack', 'axial', 'sagittal', 'coronal'] as const

export function HangingForms({ items, onChange }: Editing<HangingRule>) {
  return (
    <SchemaEditorList<HangingRule>
      items={items}
      nameOf={({ name }) => name}
      addLabel={t('schema.add_hanging')}
      onAdd={() => ({ name: t('schema.new_hanging', { number: items.length + 1 }), match: {}, layout: '1x1', sync: [], panes: [{ as: 'stack' }] })}
      onChange={onChange}
    >
      {(rule, change) => <HangingForm rule={rule} onChange={change} />}
    </SchemaEditorList>
  )
}

function HangingForm({ rule, onChange }: { rule: HangingRule; onChange: (rule: HangingRule) => void }) {
  const match = rule.match ?? {}
  return (
    <Stack gap="xs">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
        <TextInput size="xs" label={t('schema.name')} value={rule.name} onChange={(event) => onChange({ ...rule, name: event.currentTarget.value })} />
        <Select size="xs" label={t('schema.layout')} allowDeselect={false} data={[...LAYOUTS]} value={rule.layout} onChange={(layout) => layout && onChange({ ...rule, layout: layout })} />
        <WordsField label={t('schema.modality')} words={match.modality} onChange={(words) => onChange({ ...rule, match: withField(match, 'modality', words) })} />
        <TextInput size="xs" label={t('schema.description')} description={t('schema.description_help')} value={match.description ?? ''} onChange={(event) => onChange({ ...rule, match: withField(match, 'description', event.currentTarget.value) })} />
        <WordsField label={t('schema.body_part')} words={match.body_part} onChange={(words) => onChange({ ...rule, match: withField(match, 'body_part', words) })} />
      </SimpleGrid>
      <Group>
        <Checkbox size="xs" label={t('schema.has_prior')} checked={match.has_prior === true} onChange={(event) => onChange({ ...rule, match: withField(match, 'has_prior', event.currentTarget.checked || undefined) })} />
        <Checkbox.Group size="xs" label={t('schema.orientation')} value={[...(match.orientation ?? [])]}
          onChange={(planes) => onChange({ ...rule, match: withField(match, 'orientation', ORIENTATIONS.filter((plane) => planes.includes(plane))) })}>
          <Group gap="sm">
            {ORIENTATIONS.map((plane) => (
              <Checkbox key={plane} size="xs" value={plane} label={t(`plane.${plane}`)} />
            ))}
          </Group>
        </Checkbox.Group>
        <Checkbox.Group size="xs" label={t('schema.sync')} value={[...(rule.sync ?? [])]} onChange={(sync) => onChange({ ...rule, sync: LINKS.filter((link) => sync.includes(link)) })}>
          <Group gap="sm">
            {LINKS.map((link) => (
              <Checkbox key={link} size="xs" value={link} label={t(`action.link_${link}`)} />
            ))}
          </Group>
        </Checkbox.Group>
      </Group>
      <SchemaEditorList<HangingPane>
        isCompact
        items={rule.panes}
        nameOf={(_, index) => t('pane.title', { number: index + 1 })}
        addLabel={t('schema.add_pane')}
        onAdd={() => ({ as: 'stack' })}
        onChange={(panes) => onChange({ ...rule, panes })}
      >
        {(pane, change) => <PaneFields pane={pane} onChange={change} />}
      </SchemaEditorList>
    </Stack>
  )
}

function PaneFields({ pane, onChange }: { pane: HangingPane; onChange: (pane: HangingPane) => void }) {
  return (
    <Group gap="xs" wrap="nowrap" align="end" grow>
      <TextInput size="xs" label={t('schema.description')} value={pane.description ?? ''} onChange={(event) => onChange(withField(pane, 'description', event.currentTarget.value))} />
      <Select size="xs" label={t('schema.preset')} clearable value={pane.preset || null} data={PRESET_NAMES.map((name) => ({ value: name, label: t(`preset.${name}`) }))}
        onChange={(preset) => onChange(withField(pane, 'preset', preset ?? ''))} />
      <Select size="xs" label={t('schema.study')} allowDeselect={false} value={String(pane.prior ?? 0)}
        data={[{ value: '0', label: t('strip.current') }, { value: '1', label: t('schema.newest_prior') }]} onChange={(prior) => onChange({ ...pane, prior: Number(prior) })} />
      <Select size="xs" label={t('schema.as')} allowDeselect={false} value={pane.as ?? 'stack'}
        data={PRESENTATIONS.map((value) => ({ value, label: value === 'stack' ? t('schema.stack') : t(`plane.${value}`) }))} onChange={(as) => as && onChange({ ...pane, as: as })} />
    </Group>
  )
}

export function OptionForms({ options, onChange }: { options: ProjectOptions; onChange: (options: ProjectOptions) => void }) {
  return (
    <Stack gap="sm">
      <Checkbox label={t('schema.hides_patient')} description={t('schema.hides_patient_help')} checked={options.hides_patient ?? false} onChange={(event) => onChange({ ...options, hides_patient: event.currentTarget.checked })} />
      <Select label={t('schema.suggestions')} allowDeselect={false} maw="24rem" value={options.suggestions ?? 'off'}
        data={SUGGESTION_MODES.map((value) => ({ value, label: t(`suggestions.${value}`) }))} onChange={(mode) => mode && onChange({ ...options, suggestions: mode })} />
      <Checkbox label={t('schema.shows_explanations')} description={t('schema.shows_explanations_help')} checked={options.shows_explanations ?? false} onChange={(event) => onChange({ ...options, shows_explanations: event.currentTarget.checked })} />
    </Stack>
  )
}
