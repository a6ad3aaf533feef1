/** What the browser keeps between pages; null where it is switched off. */
export function storageOfBrowser(): Storage | null {
  try {
    return typeof localStorage === 'undefined' ? null : localStorage
  } catch {
    return null
  }
}
