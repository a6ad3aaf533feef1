/** Text in the reader's language: `t('key', values)`; every key and every placeholder is checked by its type. */
import { de } from './de'
import { en } from './en'

/** A text, or one per grammatical number, chosen by `count`. */
export type Message = string | { readonly one: string; readonly other: string }
export type TextKey = keyof typeof en
export type Catalogue = Readonly<Record<TextKey, Message>>

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

type Placeholders<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never
type Needed<K extends TextKey> = (typeof en)[K] extends { readonly one: infer One; readonly other: infer Other }
  ? Placeholders<One> | Placeholders<Other> | 'count'
  : Placeholders<(typeof en)[K]>
type Values<K extends TextKey> = [Needed<K>] extends [never] ? [] : [Record<Needed<K>, string | number>]

const CATALOGUES: Record<Language, Catalogue> = { en, de }
const listeners = new Set<() => void>()
const numberFormats = new Map<string, Intl.NumberFormat>()
let current: Language = languageOf(typeof navigator === 'undefined' ? [] : navigator.languages)

/** The first of the wished languages that there is a catalogue for. */
export function languageOf(wished: readonly string[]): Language {
  for (const tag of wished) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language)
    if (found) return found
  }
  return 'en'
}

export function currentLanguage(): Language {
  return current
}

export function setLanguage(language: Language): void {
  if (language === current) return
  current = language
  if (typeof document !== 'undefined') document.documentElement.lang = language
  for (const listener of listeners) listener()
}

export function subscribeToLanguage(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function t<K extends TextKey>(key: K, ...[values]: Values<K>): string {
  return translate(CATALOGUES[current][key], current, values ?? {})
}

/** The text of a key that is known only at run time, such as a state that the server names. */
export function named(key: string, fallback: string, values: Readonly<Record<string, string>> = {}): string {
  const message: Message | undefined = CATALOGUES[current][key as TextKey]
  return typeof message === 'string' ? translate(message, current, values) : fallback
}

export function translate(
  message: Message, language: Language, values: Readonly<Record<string, string | number>>,
): string {
  const text = typeof message === 'string' ? message : message[grammaticalNumber(language, values.count)]
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : shown(value, language)
  })
}

function grammaticalNumber(language: Language, count: string | number | undefined): 'one' | 'other' {
  return new Intl.PluralRules(language).select(Number(count)) === 'one' ? 'one' : 'other'
}

function shown(value: string | number, language: Language): string {
  return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value
}

/** A number as the reader writes it, with a fixed number of decimals. */
export function formatNumber(value: number, decimals = 0): string {
  return numberFormat(current, decimals).format(value)
}

/** What stands between the whole and the decimals of the reader's numbers. */
export function decimalSign(): string {
  return numberFormat(current, 1).formatToParts(0.5).find(({ type }) => type === 'decimal')?.value ?? '.'
}

/** Kept: making one costs more than all that is written over an image. */
function numberFormat(language: Language, decimals: number): Intl.NumberFormat {
  const key = `${language} ${decimals}`
  const known = numberFormats.get(key)
  if (known) return known
  const made = new Intl.NumberFormat(language, {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false,
  })
  numberFormats.set(key, made)
  return made
}

/** A month of the server (2024-01) as the reader writes it. */
export function formatMonth(month: string): string {
  return new Intl.DateTimeFormat(current, { month: 'short', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${month}-01`))
}

/** A date of the server (2024-01-31, or with its time) as the reader writes it. */
export function formatDate(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const hasTime = iso.includes('T')
  return new Intl.DateTimeFormat(current, {
    dateStyle: 'medium', ...(hasTime ? { timeStyle: 'short' } : { timeZone: 'UTC' }),
  }).format(date)
}
