/** Passwords, new projects, their people and settings in English. */
export const people = {
  'password.change': 'Change password',
  'password.changed': 'The new password holds. Your other browsers are signed out.',
  'password.current': 'Present password',
  'password.help':
    'At least twelve characters. Your other browsers are signed out; personal tokens stay until you revoke them.',
  'password.new': 'New password',
  'password.repeat': 'New password again',
  'password.title': 'Password',
  'password.two': 'These are two different passwords.',
} as const
