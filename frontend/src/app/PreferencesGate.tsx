/** Knows the person's preferences before anything is drawn: language, theme and keys. */
import { useMantineColorScheme } from '@mantine/core'
import { useEffect } from 'react'
import { Outlet } from 'react-router'
import { currentLanguage, setLanguage } from '../i18n'
import { Waiting } from '../ui/states'
import { usePreferencesQuery } from './usePreferences'

export function PreferencesGate() {
  const preferences = usePreferencesQuery()
  const { setColorScheme } = useMantineColorScheme()
  useEffect(() => {
    if (!preferences) return
    setLanguage(preferences.language)
    setColorScheme(preferences.theme)
  }, [preferences, setColorScheme])
  // Another language draws every page anew: it must be in force before a page claims a case.
  return preferences?.language === currentLanguage() ? <Outlet /> : <Waiting />
}
