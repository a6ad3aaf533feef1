/** Which items of a dataset are listed: as the address of the page and the server are told. */
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { scopeOf, type Question } from '../labeling/definition'

export type Split = Schemas['SplitEnum']
export const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly Split[]
export const PAGE_SIZE = 50

export interface ItemFilter {
  split: Split | null
  /** question:option, as the server takes it. */
  answer: string | null
  search: string
  page: number
}

export interface Choice {
  value: string
  label: string
}

/** What an address asks for; what it cannot mean counts as not asked. */
export function filterOf(address: URLSearchParams): ItemFilter {
  const page = Number(address.get('page'))
  return {
    split: SPLITS.find((split) => split === address.get('split')) ?? null,
    answer: address.get('answer') || null,
    search: address.get('search') ?? '',
    page: Number.isInteger(page) && page > 0 ? page : 1,
  }
}

/** The same in an address; what is not asked for is left out. */
export function addressOf({ page, ...filter }: ItemFilter): URLSearchParams {
  return new URLSearchParams({ ...asked(filter), ...(page > 1 && { page: String(page) }) })
}

export function queryOf({ page, ...filter }: ItemFilter) {
  return { ...asked(filter), page, page_size: PAGE_SIZE }
}

function asked({ split, answer, search }: Omit<ItemFilter, 'page'>) {
  const text = search.trim()
  return { ...(split && { split }), ...(answer !== null && { answer }), ...(text !== '' && { search: text }) }
}

/** Every answer that an item may have, by question; numbers and texts only whether there is one. */
export function answerChoices(questions: readonly Question[]): Choice[] {
  return questions.filter((question) => scopeOf(question) === 'study').flatMap(choicesOf)
}

function choicesOf(question: Question): Choice[] {
  const choice = (option: string, answer: string) => ({
    value: `${question.key}:${option}`,
    label: t('answer.of_question', { question: question.label, answer }),
  })
  return [
    ...(question.options ?? []).map(({ key, label }) => choice(key, label)),
    ...(question.kind === 'many' ? [choice('~no_option', t('answer.none_of_these'))] : []),
    ...(question.allows_cannot_assess ? [choice('~cannot_assess', t('answer.cannot_assess'))] : []),
    choice('~none', t('dataset.not_agreed')),
  ]
}
