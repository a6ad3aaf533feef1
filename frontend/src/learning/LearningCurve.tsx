/** The deciding figure over the labels: of rounds, light heads and the random audit, and what is foreseen. */
import { Text } from '@mantine/core'
import {
  Area, CartesianGrid, ComposedChart, ErrorBar, Legend, Line, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis,
} from 'recharts'
import type { Schemas } from '../api/client'
import { formatNumber, named, t } from '../i18n'
import { LABEL_COLOURS } from '../ui/theme'
import { bandOf, rowsOf, seriesOf, type Series } from './curveRows'

const TEXT = 'var(--mantine-color-text)'
const HEADS = 'var(--mantine-color-gray-6)'
const AUDIT = 'var(--mantine-color-orange-6)'
const FORECAST = 'var(--mantine-color-teal-6)'
const MARGIN = { top: 8, right: 16, bottom: 16, left: 0 }
const LEGEND = { fontSize: 12 }
const TOOLTIP = { background: 'var(--mantine-color-body)', color: TEXT, border: '1px solid var(--mantine-color-default-border)' }

interface Props {
  curves: Schemas['LearningCurves']
  /** What the manager wants the figure to reach. */
  goal: number | null
}

export function LearningCurve({ curves, goal }: Props) {
  const { figure, rounds, heads, audit, forecast } = curves
  const chosen = seriesOf(rounds, 'round')
  const quick = seriesOf(heads, 'head')
  const data = [
    ...rowsOf(rounds, chosen.keys), ...rowsOf(heads, quick.keys), ...rowsOf(audit, audit.map(() => 'audit')), ...bandOf(forecast),
  ].sort((one, other) => one.labels - other.labels)
  if (data.length === 0) {
    return <Text c="dimmed">{t('learning.curve_later')}</Text>
  }
  const name = t(`figure.${figure}`)
  const colours = coloursOf([...chosen.series, ...quick.series])
  return (
    <div data-testid="learning-curve" role="img" aria-label={summaryOf(curves)} style={{ height: 320 }}>
      <ResponsiveContainer>
        <ComposedChart data={data} margin={MARGIN}>
          <CartesianGrid strokeOpacity={0.2} />
          <XAxis
            dataKey="labels" type="number" domain={['dataMin', 'dataMax']} tickFormatter={whole} tick={{ fill: TEXT }}
            label={{ value: t('learning.labels'), position: 'bottom', offset: 0, fill: TEXT }}
          />
          <YAxis domain={figure === 'mean_absolute_error' ? [0, 'auto'] : ['auto', 1]} tickFormatter={short} tick={{ fill: TEXT }} width={56} />
          <Tooltip formatter={shown} labelFormatter={(labels) => `${t('learning.labels')}: ${whole(labels)}`} contentStyle={TOOLTIP} />
          <Legend position="top" wrapperStyle={LEGEND} />
          {goal !== null && <ReferenceLine y={goal} stroke={TEXT} strokeDasharray="4 4" ifOverflow="extendDomain" />}
          {forecast.length > 0 && (
            <Area dataKey="band" name={t('learning.forecast_band')} stroke="none" fill={FORECAST} fillOpacity={0.25} connectNulls isAnimationActive={false} />
          )}
          {forecast.length > 0 && (
            <Line dataKey="forecast" name={t('learning.forecast')} stroke={FORECAST} strokeDasharray="6 4" dot={false} connectNulls isAnimationActive={false} />
          )}
          {quick.series.map((one) => stretch(one, t('learning.head_figure', { figure: name, strategy: titleOf(one) }), colours, 1))}
          {chosen.series.map((one) => stretch(one, t('learning.round_figure', { figure: name, strategy: titleOf(one) }), colours, 2))}
          {audit.length > 0 && (
            <Line dataKey="audit" name={t('learning.audit_figure', { figure: name })} stroke={AUDIT} strokeWidth={0} dot={{ fill: AUDIT, strokeWidth: 0, r: 4 }} isAnimationActive={false}>
              <ErrorBar dataKey="auditError" stroke={AUDIT} width={6} isAnimationActive={false} />
            </Line>
          )}
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  )
}

/** The points that one strategy has chosen in a row, each with its interval. */
function stretch(series: Series, name: string, colours: ReadonlyMap<string, string>, width: number) {
  const colour = colours.get(series.strategy) ?? HEADS
  return (
    <Line
      key={series.key} dataKey={series.key} name={name} stroke={colour} strokeWidth={width} {...(width === 1 && { strokeDasharray: '2 3' })}
      dot={{ fill: colour, strokeWidth: 0, r: width + 1 }} legendType={series.isRepeated ? 'none' : 'line'} connectNulls isAnimationActive={false}
    >
      <ErrorBar dataKey={`${series.key}Error`} stroke={colour} width={4} isAnimationActive={false} />
    </Line>
  )
}

function coloursOf(series: readonly Series[]): ReadonlyMap<string, string> {
  const strategies = [...new Set(series.map(({ strategy }) => strategy))]
  return new Map(strategies.map((strategy, index) => [strategy, LABEL_COLOURS[index % LABEL_COLOURS.length] ?? HEADS]))
}

function titleOf({ strategy }: Series): string {
  return named(`strategy.${strategy}`, strategy)
}

/** What a reader hears who sees no chart: the newest of each. */
function summaryOf({ figure, rounds, heads, audit, forecast }: Schemas['LearningCurves']): string {
  const told = [[rounds, 'learning.sum_rounds'], [heads, 'learning.sum_heads'], [audit, 'learning.sum_audit'], [forecast, 'learning.sum_forecast']] as const
  const parts = told.flatMap(([points, key]) => {
    const last = points[points.length - 1]
    if (!last || last.value === null) return []
    return [t(key, { value: short(last.value), low: short(last.low), high: short(last.high), labels: whole(last.labels) })]
  })
  return [t(`figure.${figure}`), ...parts].join('; ')
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.map(precise).join(' – ') : precise(value)
}

function precise(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 3) : '–'
}

function short(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 2) : '–'
}

function whole(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value) : ''
}
