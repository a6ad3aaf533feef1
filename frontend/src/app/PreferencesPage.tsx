/** Language, theme, password and keys of the person who is signed in. */
import { Container, SegmentedControl, Stack, Text, Title } from '@mantine/core'
import { useMe } from '../api/me'
import { THEMES } from '../api/preferences'
import { LANGUAGES, t } from '../i18n'
import { KeySettings } from '../labeling/KeySettings'
import { PasswordForm } from './PasswordForm'
import { usePreferences, useSavePreferences } from './usePreferences'

export default function PreferencesPage() {
  const { keys, language, theme } = usePreferences()
  const save = useSavePreferences()
  const me = useMe()
  return (
    <Container size="md">
      <Title order={1} size="h2" mb="md">
        {t('preferences.title')}
      </Title>
      <Stack gap="lg">
        <div>
          <Title order={2} size="h4" mb={4}>
            {t('preferences.language')}
          </Title>
          <SegmentedControl
            aria-label={t('preferences.language')}
            value={language}
            data={LANGUAGES.map((value) => ({ value, label: t(`language.${value}`) }))}
            onChange={(value) => save({ language: value })}
          />
        </div>
        <div>
          <Title order={2} size="h4" mb={4}>
            {t('preferences.theme')}
          </Title>
          <SegmentedControl
            aria-label={t('preferences.theme')}
            value={theme}
            data={THEMES.map((value) => ({ value, label: t(`theme.${value}`) }))}
            onChange={(value) => save({ theme: value })}
          />
          <Text size="sm" c="dimmed" mt={4}>
            {t('preferences.theme_help')}
          </Text>
        </div>
        <div>
          <Title order={2} size="h4" mb={4}>
            {t('password.title')}
          </Title>
          <PasswordForm username={me.data?.username ?? ''} />
        </div>
        <div>
          <Title order={2} size="h4" mb={4}>
            {t('preferences.keys')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('preferences.keys_help')}
          </Text>
          <KeySettings custom={keys} answers={[]} onChange={(changed) => save({ keys: { ...changed } })} />
        </div>
      </Stack>
    </Container>
  )
}
