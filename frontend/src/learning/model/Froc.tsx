/** How many of the objects a detector finds, by the false boxes per image that one bears with. */
import { CartesianGrid, ComposedChart, ErrorBar, Line, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Schemas } from '../../api/client'
import { formatNumber, t } from '../../i18n'
import { Part } from './Part'

const SHARES = [0, 0.25, 0.5, 0.75, 1]

export function Froc({ curve }: { curve: Schemas['OperatingPoint'][] }) {
  const points = curve.flatMap(({ false_per_image: rate, sensitivity: { value, low, high } }) =>
    value === null ? [] : [{ rate, value, interval: [value - (low ?? value), (high ?? value) - value] }],
  )
  return (
    <Part title={t('model_page.froc')} help={t('model_page.froc_help')}>
      <div data-testid="froc" style={{ height: 240 }}>
        <ResponsiveContainer>
          <ComposedChart data={points} margin={{ top: 8, right: 16, bottom: 16, left: 0 }}>
            <CartesianGrid strokeOpacity={0.2} />
            <XAxis
              dataKey="rate" type="number" scale="log" domain={['dataMin', 'dataMax']} ticks={points.map(({ rate }) => rate)}
              tickFormatter={asFraction} label={{ value: t('model_page.false_per_image'), position: 'bottom', offset: 0 }}
            />
            <YAxis type="number" domain={[0, 1]} ticks={SHARES} tickFormatter={(value: number) => formatNumber(value, 2)} width={44} />
            <Tooltip
              formatter={(value) => (typeof value === 'number' ? formatNumber(value, 3) : '')}
              labelFormatter={(rate) => (typeof rate === 'number' ? asFraction(rate) : '')}
            />
            <Line dataKey="value" name={t('model_page.found')} stroke="#4dabf7" strokeWidth={2} dot isAnimationActive={false}>
              <ErrorBar dataKey="interval" direction="y" width={4} stroke="#4dabf7" strokeOpacity={0.6} />
            </Line>
          </ComposedChart>
        </ResponsiveContainer>
      </div>
    </Part>
  )
}

/** 1/8 rather than 0.125: the usual points are powers of two. */
function asFraction(rate: number): string {
  return rate < 1 ? `1/${formatNumber(1 / rate, 0)}` : formatNumber(rate, 0)
}
