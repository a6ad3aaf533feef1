/** What of the masks is not on the screen yet, over the images: until then it cannot be painted over. */
import { Alert, Button, Text } from '@mantine/core'
import { t } from '../i18n'
import type { MaskLoading } from '../viewer/masks/SliceWriter'
import { keyed } from './actions'
import classes from './reading.module.css'
import { explain } from './serverAnswers'

interface Props {
  loading: MaskLoading
  onAgain: () => void
}

export function MaskNotice({ loading: { done, of, trouble }, onAgain }: Props) {
  const counts = { done: String(done), of: String(of) }
  if (trouble === null) {
    return (
      <div className={classes.maskNotice} role="status" data-testid="masks-loading">
        {t('masks.loading', counts)}
      </div>
    )
  }
  return (
    <div className={classes.maskNotice}>
      <Alert color="orange" title={t('masks.failed', counts)} data-testid="masks-failed" role="alert">
        <Text size="sm" mb="xs">
          {t('masks.failed_help', { message: explain(trouble) })}
        </Text>
        <Button {...keyed('masks_again')} size="xs" variant="default" onClick={onAgain}>
          {t('masks.again')}
        </Button>
      </Alert>
    </div>
  )
}
