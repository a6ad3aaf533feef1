/** The deciding test figure with its 95 % interval over the number of labels. */
import { Text } from '@mantine/core'
import { Area, CartesianGrid, ComposedChart, Line, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'

export function LearningCurve({ points }: { points: Schemas['CurvePoint'][] }) {
  const data = points
    .filter((p) => p.value !== null)
    .map((p) => ({ labels: p.training_labels, value: p.value, interval: [p.low, p.high] }))
  const figure = points[0]?.figure ?? 'auc'
  if (data.length === 0) {
    return (
      <Text c="dimmed">
        {t('learning.curve_later')}
      </Text>
    )
  }
  return (
    <div data-testid="learning-curve" style={{ height: 260 }}>
      <ResponsiveContainer>
        <ComposedChart data={data} margin={{ top: 8, right: 16, bottom: 16, left: 0 }}>
          <CartesianGrid strokeOpacity={0.2} />
          <XAxis dataKey="labels" type="number" domain={['dataMin', 'dataMax']} label={{ value: t('learning.labels'), position: 'bottom', offset: 0 }} />
          <YAxis domain={figure === 'mean_absolute_error' ? [0, 'auto'] : [0, 1]} width={40} />
          <Tooltip formatter={(value) => (Array.isArray(value) ? value.map(short).join(' – ') : short(value))} />
          <Area dataKey="interval" name={t('learning.interval')} stroke="none" fill="#4dabf7" fillOpacity={0.25} isAnimationActive={false} />
          <Line dataKey="value" name={t('learning.test_figure', { figure: t(`figure.${figure}`) })} stroke="#4dabf7" strokeWidth={2} dot isAnimationActive={false} />
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  )
}

function short(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 3) : '–'
}
