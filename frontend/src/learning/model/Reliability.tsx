/** How often the model was right where it was so sure: on the diagonal its chances can be taken at their word. */
import { CartesianGrid, ComposedChart, Line, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Schemas } from '../../api/client'
import { formatNumber, t } from '../../i18n'
import { Part } from './Part'

const DIAGONAL = [{ x: 0, y: 0 }, { x: 1, y: 1 }] as const
const TICKS = [0, 0.25, 0.5, 0.75, 1]

export function Reliability({ bins }: { bins: Schemas['Reliability'][] }) {
  const points = bins.filter((bin) => bin.count > 0)
  return (
    <Part title={t('model_page.reliability')} help={t('model_page.reliability_help')}>
      <div data-testid="reliability" style={{ height: 240 }}>
        <ResponsiveContainer>
          <ComposedChart data={points} margin={{ top: 8, right: 16, bottom: 16, left: 0 }}>
            <CartesianGrid strokeOpacity={0.2} />
            <XAxis
              dataKey="confidence" type="number" domain={[0, 1]} ticks={TICKS} tickFormatter={twoDigits}
              label={{ value: t('model_page.confidence'), position: 'bottom', offset: 0 }}
            />
            <YAxis type="number" domain={[0, 1]} ticks={TICKS} tickFormatter={twoDigits} width={44} />
            <Tooltip formatter={(value) => (typeof value === 'number' ? formatNumber(value, 3) : '')} labelFormatter={() => ''} />
            <ReferenceLine segment={DIAGONAL} stroke="currentColor" strokeOpacity={0.4} strokeDasharray="4 4" />
            <Line dataKey="accuracy" name={t('model_page.accuracy')} stroke="#4dabf7" strokeWidth={2} dot isAnimationActive={false} />
          </ComposedChart>
        </ResponsiveContainer>
      </div>
    </Part>
  )
}

function twoDigits(value: number): string {
  return formatNumber(value, 2)
}
