/** How a target is learned: when to train again, who promotes, the input, and every option of the recipe. */
import { Button, Drawer, JsonInput, NumberInput, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { decimalSign, named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { AuditShareField, useAuditShare } from './AuditShare'
import { ColumnPicker } from './ColumnPicker'
import { columnsOf, purposeOf, USUAL_SIDE, withColumns } from './inputDraft'
import { targetName } from '../labeling/targetText'

type Recipe = Readonly<Record<string, unknown>>
type Knob = Schemas['Knob']
/** The options in the order of the server, cut where a new section begins. */
const SECTIONS = [
  ['network', 'network'],
  ['batch_size', 'length'],
  ['class_weights', 'imbalance'],
  ['unlabeled', 'unlabeled'],
  ['foreground_share', 'patches'],
  ['modality', 'augmentation'],
  ['mixed_precision', 'machine'],
] as const

const PROMOTIONS = ['when_not_worse', 'by_hand'] as const

interface Props {
  projectId: string
  target: Schemas['Target']
}

export function TargetSettings({ projectId, target }: Props) {
  const [isOpen, open] = useState(false)
  return (
    <>
      <Button variant="default" onClick={() => open(true)}>{t('target.settings')}</Button>
      <Drawer
        opened={isOpen}
        onClose={() => open(false)}
        closeButtonProps={{ 'aria-label': t('ui.close') }}
        position="right"
        size="lg"
        title={t('target.settings_of', { name: targetName(target) })}
      >
        {isOpen && <Form projectId={projectId} target={target} onDone={() => open(false)} />}
      </Drawer>
    </>
  )
}

function Form({ projectId, target, onDone }: Props & { onDone: () => void }) {
  const queries = useQueryClient()
  const [recipe, setRecipe] = useState<Recipe>(target.config)
  const [input, setInput] = useState(shown(target.input))
  const [retrainAfter, setRetrainAfter] = useState(target.retrain_after)
  const [refitAfter, setRefitAfter] = useState(target.refit_after)
  const [promotion, setPromotion] = useState(target.promotion)
  const share = useAuditShare(projectId)
  const [goal, setGoal] = useState(target.goal)
  const [tolerance, setTolerance] = useState(target.tolerance)
  const options = useQuery({
    queryKey: ['recipe-options'],
    staleTime: Infinity,
    queryFn: () => good(api.GET('/api/v1/recipe-options')),
  })
  const parsed = parsedInput(input)
  const save = useMutation({
    mutationFn: async () => {
      await share.save()
      return good(
        api.PATCH('/api/v1/targets/{target_id}', {
          params: { path: { target_id: target.id } },
          body: { config: { ...recipe }, input: parsed ?? {}, retrain_after: retrainAfter, refit_after: refitAfter, promotion, goal, tolerance },
        }),
      )
    },
    onSuccess: async () => {
      await queries.invalidateQueries()
      notifications.show({ message: t('target.saved') })
      onDone()
    },
    onError: showError,
  })
  const change = (name: string, value: unknown) => {
    const others = Object.entries(recipe).filter(([known]) => known !== name)
    setRecipe(Object.fromEntries(value === null ? others : [...others, [name, value]]))
  }
  return (
    <Stack>
      <NumberInput
        label={t('target.retrain_after')}
        description={t('target.retrain_help')}
        min={0}
        max={1_000_000}
        value={retrainAfter}
        onChange={(value) => setRetrainAfter(Number(value) || 0)}
      />
      {target.head_strategies.length > 0 && (
        <NumberInput
          label={t('target.refit_after')}
          description={t('target.refit_help')}
          min={0}
          max={1_000_000}
          value={refitAfter}
          onChange={(value) => setRefitAfter(Number(value) || 0)}
        />
      )}
      <Select
        label={t('target.promotion')}
        description={t('target.promotion_help')}
        allowDeselect={false}
        data={PROMOTIONS.map((value) => ({ value, label: t(`promotion.${value}`) }))}
        value={promotion}
        onChange={(chosen) => chosen !== null && setPromotion(chosen)}
      />
      {typeof target.options.slices === 'number' && <Text size="sm">{t('target.slices_drawn', { count: target.options.slices })}</Text>}
      <Ends target={target} goal={goal} tolerance={tolerance} onGoal={setGoal} onTolerance={setTolerance} />
      <AuditShareField {...share} />
      <JsonInput
        label={t('target.input')}
        description={t(target.kind === 'boxes' ? 'target.input_of_boxes' : 'target.input_help')}
        autosize
        minRows={2}
        maxRows={16}
        formatOnBlur
        value={input}
        error={parsed === null && t('target.input_wrong')}
        onChange={setInput}
      />
      {purposeOf(target.kind) === 'answers' && parsed !== null && (
        <ColumnPicker
          projectId={projectId}
          columns={columnsOf(parsed)}
          onChange={(columns) => setInput(shown(withColumns(parsed, columns, sideOf(recipe))))}
        />
      )}
      <Title order={3} size="h4">{t('target.recipe')}</Title>
      <Text size="sm" c="dimmed">{t('target.recipe_help')}</Text>
      <Loaded query={options}>
        {({ knobs, networks }) => (
          <Sections target={target} knobs={knobs} networks={networks} recipe={recipe} onChange={change} />
        )}
      </Loaded>
      <Button disabled={parsed === null} loading={save.isPending} onClick={() => save.mutate()}>{t('target.save')}</Button>
    </Stack>
  )
}

interface EndsProps {
  target: Schemas['Target']
  goal: number | null | undefined
  tolerance: number | null | undefined
  onGoal: (value: number | null) => void
  onTolerance: (value: number | null) => void
}

/** What labeling may stop at; an empty field makes no condition, or the usual one. */
function Ends({ target, goal, tolerance, onGoal, onTolerance }: EndsProps) {
  const limits = target.kind === 'number' ? { min: 0 } : { min: 0, max: 1, step: 0.01 }
  const numberOf = (value: string | number) => (value === '' ? null : Number(value))
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <NumberInput
        label={t('target.goal', { figure: t(`figure.${target.figure}`) })}
        description={t('target.goal_help')}
        decimalSeparator={decimalSign()}
        {...limits}
        value={goal ?? ''}
        onChange={(value) => onGoal(numberOf(value))}
      />
      {target.head_strategies.length > 0 && (
        <NumberInput
          label={t('target.tolerance')}
          description={t(target.kind === 'number' ? 'target.tolerance_of_number_help' : 'target.tolerance_help')}
          decimalSeparator={decimalSign()}
          {...limits}
          value={tolerance ?? ''}
          onChange={(value) => onTolerance(numberOf(value))}
        />
      )}
    </SimpleGrid>
  )
}

interface SectionsProps {
  target: Schemas['Target']
  knobs: readonly Knob[]
  networks: readonly Schemas['Network'][]
  recipe: Recipe
  onChange: (name: string, value: unknown) => void
}

function Sections({ target, knobs, networks, recipe, onChange }: SectionsProps) {
  const isDense = target.kind === 'segmentation'
  const fitting = networks.filter((network) => network.is_dense === isDense).map((network) => network.name)
  const starts = SECTIONS.map(([first]) => knobs.findIndex((knob) => knob.name === first))
  const sections = SECTIONS.map(([, section], place) => ({
    section,
    acting: knobs.slice(starts[place], starts[place + 1]).filter(({ kinds }) => kinds.includes(target.kind)),
  }))
  return (
    <>
      {sections.filter(({ acting }) => acting.length > 0).map(({ section, acting }) => (
        <Stack key={section} gap="xs">
          <Title order={4} size="h5">{t(`target.section.${section}`)}</Title>
          {section === 'unlabeled' && <Text size="sm" c="dimmed">{t('target.section_help.unlabeled')}</Text>}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {acting.map((knob) => (
              <KnobField
                key={knob.name}
                knob={knob.name === 'network' ? { ...knob, choices: fitting } : knob}
                value={recipe[knob.name]}
                onChange={(value) => onChange(knob.name, value)}
              />
            ))}
          </SimpleGrid>
        </Stack>
      ))}
    </>
  )
}

interface KnobFieldProps {
  knob: Knob
  value: unknown
  onChange: (value: unknown) => void
}

/** An empty field follows the recommendation. */
function KnobField({ knob, value, onChange }: KnobFieldProps) {
  const label = named(`knob.${knob.name}`, knob.name.replaceAll('_', ' '))
  if (knob.type === 'flag') {
    const data = [{ value: 'true', label: t('target.on') }, { value: 'false', label: t('target.off') }]
    return (
      <Select
        label={label}
        placeholder={t('target.recommended')}
        clearable
        data={data}
        value={typeof value === 'boolean' ? String(value) : null}
        onChange={(found) => onChange(found === null ? null : found === 'true')}
      />
    )
  }
  if (knob.type === 'choice') {
    return (
      <Select
        label={label}
        placeholder={t('target.recommended')}
        clearable
        searchable
        data={knob.choices.map((choice) => ({ value: choice, label: named(`knob.${knob.name}.${choice}`, choice) }))}
        value={typeof value === 'string' ? value : null}
        onChange={onChange}
      />
    )
  }
  return (
    <NumberInput
      label={label}
      placeholder={t('target.recommended')}
      allowDecimal={knob.type === 'number'}
      {...(knob.low !== null && { min: knob.low })}
      {...(knob.high !== null && { max: knob.high })}
      value={typeof value === 'number' ? value : ''}
      onChange={(found) => onChange(found === '' ? null : Number(found))}
    />
  )
}

function sideOf(recipe: Recipe): number {
  return typeof recipe.side === 'number' ? recipe.side : USUAL_SIDE
}

function shown(input: Recipe): string {
  return Object.keys(input).length > 0 ? JSON.stringify(input, null, 2) : ''
}

/** Null where it is no object. */
function parsedInput(text: string): Record<string, unknown> | null {
  if (text.trim() === '') return {}
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? { ...found } : null
  } catch {
    return null
  }
}
