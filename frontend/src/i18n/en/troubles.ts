/** What goes wrong in the reading room in English. */
export const troubles = {
  'refusal.prior_study': "An earlier study is only looked at. Draw on this case's own images.",
  'save.troubled': 'Kept here',
  'save.signed_out': 'Kept here',
  'notice.troubled': 'The server cannot save just now',
  'notice.troubled_help': '{message} Your work is kept in this browser and sent again by itself.',
  'notice.signed_out': 'You have been signed out',
  'notice.signed_out_help': 'Your work is kept in this browser. Sign in again: you come back to this case, and it is saved.',
  'notice.sign_in': 'Sign in again',
  'amiss.region': 'region {entry}, {image}',
  'amiss.mask': 'segmentation in layer {layer}, {image}',
  'amiss.elsewhere': 'not in this study',
  'amiss.more': { one: 'and {count} more', other: 'and {count} more' },
  'amiss.missing': 'This still needs an answer',
  'regions.answers_gone': {
    one: 'One answer is not asked with this label and was taken away. Undo brings it back.',
    other: '{count} answers are not asked with this label and were taken away. Undo brings them back.',
  },
  'refusal.kind': '“{label}” may not be drawn with this tool: it has been put down.',
} as const
