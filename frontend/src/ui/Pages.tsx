/** The pages of a list that the server divides; nothing where all of it is shown. */
import { Pagination } from '@mantine/core'
import { t } from '../i18n'

interface Props {
  label: string
  /** Of all rows, and of those on a page. */
  count: number
  size: number
  page: number
  onPage: (page: number) => void
}

export function Pages({ label, count, size, page, onPage }: Props) {
  if (count <= size) return null
  return (
    <Pagination mt="md" total={Math.ceil(count / size)} value={page} aria-label={label} onChange={onPage}
      getControlProps={controlName} getItemProps={(number) => ({ 'aria-label': t('ui.page', { number }) })} />
  )
}

/** Arrows have no text of their own. */
function controlName(control: string): { 'aria-label'?: string } {
  if (control === 'previous') return { 'aria-label': t('ui.previous_page') }
  return control === 'next' ? { 'aria-label': t('ui.next_page') } : {}
}
