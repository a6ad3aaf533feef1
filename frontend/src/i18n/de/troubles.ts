/** What goes wrong in the reading room in German. */
export const troubles = {
  'refusal.prior_study': 'Eine frühere Untersuchung wird nur angesehen. Bitte auf den Bildern dieses Falls zeichnen.',
  'save.troubled': 'Hier behalten',
  'save.signed_out': 'Hier behalten',
  'notice.troubled': 'Der Server kann gerade nicht speichern',
  'notice.troubled_help': '{message} Ihre Arbeit bleibt in diesem Browser und wird von selbst noch einmal gesendet.',
  'notice.signed_out': 'Sie sind abgemeldet worden',
  'notice.signed_out_help': 'Ihre Arbeit bleibt in diesem Browser. Bitte wieder anmelden: Sie kommen zu diesem Fall zurück, und er wird gespeichert.',
  'notice.sign_in': 'Wieder anmelden',
  'amiss.region': 'Region {entry}, {image}',
  'amiss.mask': 'Segmentierung in Ebene {layer}, {image}',
  'amiss.elsewhere': 'nicht in dieser Untersuchung',
  'amiss.more': { one: 'und {count} weiteres', other: 'und {count} weitere' },
  'amiss.missing': 'Hier fehlt noch eine Antwort',
  'regions.answers_gone': {
    one: 'Eine Antwort wird bei dieser Bezeichnung nicht gefragt und wurde weggenommen. Rückgängig bringt sie wieder.',
    other: '{count} Antworten werden bei dieser Bezeichnung nicht gefragt und wurden weggenommen. Rückgängig bringt sie wieder.',
  },
  'refusal.kind': '„{label}“ darf mit diesem Werkzeug nicht gezeichnet werden: es wurde weggelegt.',
} as const
