/** PURE. Signing in and coming back to the page that asked for it. */

const NEXT = 'next'

/** The address of the sign-in page, which leads back to `path`. */
export function signInAgain(path: string): string {
  return `/sign-in?${new URLSearchParams({ [NEXT]: path }).toString()}`
}

/** Where to go after signing in: a page of ours, or the beginning. */
export function nextPage(search: URLSearchParams): string {
  const wanted = search.get(NEXT) ?? '/'
  // "//host" and "/\\host" would leave for another server.
  return /^\/(?![/\\])/.test(wanted) ? wanted : '/'
}
