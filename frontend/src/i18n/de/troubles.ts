/** What goes wrong in the reading room in German. */
export const troubles = {
  'refusal.prior_study': 'Eine frühere Untersuchung wird nur angesehen. Bitte auf den Bildern dieses Falls zeichnen.',
} as const
