/** What the quick loop says of itself, from the words that the server sends; English where it knows others. */
import { wordsText } from '../api/saidText'
import { formatNumber } from '../i18n'
import { numberInUnit } from './headText'

const POINTS = new Set(['low', 'high'])
const PERCENT = new Set(['upper', 'tolerated', 'audit', 'test', 'share'])
const PRECISE = new Set(['kappa', 'end'])
const WANTED_DECIMALS = 3

/** `nameOf`: what the reader calls an answer or a third of the range. */
export function evidenceText(words: unknown, english: string, nameOf: (key: string) => string = (key) => key): string {
  const text = wordsText(words, 'evidence', (name, value, { unit }) => shownAs(name, value, typeof unit === 'string', nameOf)) ?? english
  return text.replaceAll(/ {2,}/g, ' ').replace(' )', ')').trimEnd()
}

function shownAs(name: string, value: unknown, isInUnit: boolean, nameOf: (key: string) => string): string {
  if (name === 'scarce' && typeof value === 'object' && value !== null) return counted(value, nameOf)
  if (typeof value !== 'number') return String(value)
  if (POINTS.has(name)) return `${value < 0 ? '' : '+'}${formatNumber(value, 1)}`
  if (isInUnit) return Number.isInteger(value) ? formatNumber(value) : numberInUnit(value)
  if (PERCENT.has(name)) return formatNumber(value, 1)
  if (PRECISE.has(name)) return formatNumber(value, WANTED_DECIMALS)
  return formatNumber(value, String(value).split('.')[1]?.length ?? 0) // as somebody has typed it
}

function counted(scarce: object, nameOf: (key: string) => string): string {
  return Object.entries(scarce).map(([key, count]) => `${nameOf(key)} ${String(count)}`).join(', ')
}
