/** The losses of a round that trains, as they come. */
import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'

export function LossCurve({ curves }: { curves: Schemas['Epoch'][] }) {
  const hasBoth = curves.some((point) => point.unlabeled_loss !== undefined)
  return (
    <div data-testid="loss-curve" style={{ height: 140 }}>
      <ResponsiveContainer>
        <LineChart data={curves} margin={{ top: 8, right: 16, bottom: 0, left: 0 }}>
          <CartesianGrid strokeOpacity={0.2} />
          <XAxis dataKey="step" type="number" domain={[0, 'dataMax']} tickFormatter={short} />
          <YAxis width={48} tickFormatter={short} />
          <Tooltip formatter={(value) => (typeof value === 'number' ? formatNumber(value, 3) : '–')} />
          <Line dataKey="loss" name={t('learning.loss_training')} stroke="#4dabf7" strokeWidth={2} dot={false} isAnimationActive={false} />
          <Line dataKey="validation_loss" name={t('learning.loss_validation')} stroke="#f59f00" strokeWidth={2} dot={false} isAnimationActive={false} />
          {hasBoth && <Line dataKey="unlabeled_loss" name={t('unlabeled.loss_training')} stroke="#4dabf7" strokeDasharray="5 3" dot={false} isAnimationActive={false} />}
          {hasBoth && <Line dataKey="unlabeled_validation_loss" name={t('unlabeled.loss_validation')} stroke="#f59f00" strokeDasharray="5 3" dot={false} isAnimationActive={false} />}
        </LineChart>
      </ResponsiveContainer>
    </div>
  )
}

function short(value: number): string {
  return formatNumber(value, Number.isInteger(value) ? 0 : 2)
}
