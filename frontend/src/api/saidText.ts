/** What the server says, in the reader's language: from its words of no language, else general and with the original. */
import { currentLanguage, decimalSign, named, t } from '../i18n'

/** A text for the reader, and the server's English beside it where nobody has translated it. */
export interface Said {
  text: string
  original: string
}

/** A refusal: by its words, else by its kind. */
export function saidOfProblem({ code, detail, words }: { code: string; detail: string; words?: unknown }): Said {
  const text = wordsText(words)
  if (text !== null) return { text, original: '' }
  return general(named(`problem.${code}`, t('problem.error')), detail)
}

/** Why a job failed; what was never meant for people is not shown to them. */
export function errorText({ error, error_words }: { error: string; error_words?: unknown }): string {
  if (error === '') return ''
  return wordsText(error_words) ?? together(general(t('problem.job'), error))
}

export function together({ text, original }: Said): string {
  return original === '' ? text : t('problem.with_original', { text, original })
}

/** Numbers come as text; what has more points is an address or a UID. */
const DECIMAL = /^-?\d+\.\d+$/

/** How a value stands in a sentence, by its name and what else the words hold. */
type Shown = (name: string, value: unknown, all: Readonly<Record<string, unknown>>) => string

/** Null where there are no words, or none that this page knows in that part of the catalogue. */
export function wordsText(words: unknown, part = 'said', shown: Shown = asItIs): string | null {
  if (!isWords(words)) return null
  const { code, ...values } = words
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(name, value, values)]))
  return named(code.includes('.') ? code : `${part}.${code}`, '', texts) || null
}

function asItIs(_: string, value: unknown): string {
  if (isWords(value)) return wordsText(value) ?? value.code
  const text = String(value)
  return DECIMAL.test(text) ? text.replace('.', decimalSign()) : text
}

/** What is wrong with each field, where the server knows its words. */
export function fieldsSaid(
  fields: Readonly<Record<string, string>> | undefined, words: Readonly<Record<string, unknown>> = {},
): Record<string, string> | undefined {
  return fields && Object.fromEntries(Object.entries(fields).map(([path, why]) => [path, wordsText(words[path]) ?? why]))
}

function general(text: string, original: string): Said {
  return currentLanguage() === 'en' && original !== '' ? { text: original, original: '' } : { text, original }
}

function isWords(words: unknown): words is { code: string } & Record<string, unknown> {
  return typeof words === 'object' && words !== null && 'code' in words && typeof words.code === 'string'
}
