import { afterEach, describe, expect, it } from 'vitest'
import type { Schemas } from '../src/api/client'
import { setLanguage } from '../src/i18n'
import { besideText, unlabeledText } from '../src/learning/unlabeledText'

afterEach(() => setLanguage('en'))

function found(changes: Partial<Schemas['Unlabeled']> = {}): Schemas['Unlabeled'] {
  return {
    method: 'mean_teacher', decision: 'left_off', images: 630, patients: 600, figure: 'auc', n: 100, validation_patients: 90,
    with_images: { value: 0.854, low: 0.8, high: 0.9 }, without_images: { value: 0.85, low: 0.79, high: 0.89 },
    difference: { value: 0.004, low: -0.012, high: 0.02 }, trouble_words: {}, ...changes,
  }
}

describe('what became of images without labels', () => {
  it('says the gain with its interval and what followed', () => {
    setLanguage('en')
    expect(unlabeledText(found())).toBe('Unlabeled images did not help: AUC +0.004 (−0.012 – +0.020) on validation; left off')
    expect(unlabeledText(found({ decision: 'kept' }))).toContain('they stay on')
    expect(besideText(found())).toBe(
      '0.854 with 630 unlabeled images of 600 patients, 0.850 in the same training without them (mean teacher). 100 validation cases of 90 patients.',
    )
    setLanguage('de')
    expect(unlabeledText(found())).toBe('Bilder ohne Befund haben nicht geholfen: AUC +0,004 (−0,012 – +0,020) bei der Validierung; weggelassen')
  })

  it('says why it was not tried, and what went wrong', () => {
    const untried: Schemas['Unlabeled'] = { method: 'pseudo_labels', decision: 'few_patients', trouble_words: {} }
    expect(unlabeledText(untried)).toContain('too few validation patients')
    expect(besideText(untried)).toBe('')
    const words = { code: 'loss_diverged', loss: 'nan', epoch: '3' }
    const failed: Schemas['Unlabeled'] = { method: 'pseudo_labels', decision: 'left_off', trouble: 'the loss became nan in epoch 3', trouble_words: words }
    expect(unlabeledText(failed)).toContain('the loss became nan in epoch 3')
    const none = { value: null, low: null, high: null }
    expect(unlabeledText(found({ difference: none }))).toContain('could not be told')
  })
})
