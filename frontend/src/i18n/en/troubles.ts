/** What goes wrong in the reading room in English. */
export const troubles = {
  'refusal.prior_study': "An earlier study is only looked at. Draw on this case's own images.",
} as const
