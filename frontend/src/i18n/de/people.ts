/** Passwords, new projects, their people and settings in German. */
export const people = {
  'password.change': 'Passwort ändern',
  'password.changed': 'Das neue Passwort gilt. Ihre anderen Browser sind abgemeldet.',
  'password.current': 'Jetziges Passwort',
  'password.help':
    'Mindestens zwölf Zeichen. Ihre anderen Browser werden abgemeldet; persönliche Token bleiben, bis Sie sie widerrufen.',
  'password.new': 'Neues Passwort',
  'password.repeat': 'Neues Passwort noch einmal',
  'password.title': 'Passwort',
  'password.two': 'Das sind zwei verschiedene Passwörter.',
} as const
