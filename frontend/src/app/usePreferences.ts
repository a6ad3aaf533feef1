/** The preferences in force, and how to change them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  changeOf, changePreferences, defaultPreferences, fetchPreferences, rememberedPreferences, type Preferences,
} from '../api/preferences'
import { currentLanguage } from '../i18n'
import { showError } from '../ui/notify'

const KEY = ['preferences']

/** Undefined only until the server has answered for the first time. */
export function usePreferencesQuery(): Preferences | undefined {
  return useQuery({
    queryKey: KEY,
    staleTime: Infinity,
    // Without an answer the last known ones hold: nobody is kept from reading by a language.
    queryFn: () => fetchPreferences().catch(() => rememberedPreferences() ?? defaultPreferences()),
  }).data
}

export function usePreferences(): Preferences {
  return usePreferencesQuery() ?? defaultPreferences()
}

/** Saves at once, shows the new state before the server has answered, and goes back if it refuses. A refusal may come of
 * what was changed on another page: that is asked for. */
export function useSavePreferences(): (part: Partial<Preferences>) => void {
  const queries = useQueryClient()
  const before = usePreferences()
  const save = useMutation({
    mutationFn: changePreferences,
    scope: { id: 'preferences' }, // one after the other, or an older one could win
    onSuccess: (saved) => queries.setQueryData(KEY, saved),
    onError: (error) => {
      showError(error)
      queries.setQueryData(KEY, before)
      void queries.invalidateQueries({ queryKey: KEY })
    },
  })
  return (part) => {
    // A language draws the page anew and would lose a refusal: it waits for the server.
    queries.setQueryData(KEY, { ...before, ...part, language: currentLanguage() })
    save.mutate(changeOf(before, part))
  }
}
