/** Patient orientation: pure functions of direction cosines (LPS). */

export type Vector = readonly [number, number, number]

export interface EdgeLetters {
  left: string
  right: string
  top: string
  bottom: string
}

const MIN_COMPONENT = 0.25

/** The letters of a direction, strongest first: (0.9, 0.4, 0) is "LP". */
export function letters(direction: Vector): string {
  const axes: [number, string, string][] = [
    [direction[0], 'L', 'R'],
    [direction[1], 'P', 'A'],
    [direction[2], 'H', 'F'],
  ]
  return axes
    .filter(([size]) => Math.abs(size) > MIN_COMPONENT)
    .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]))
    .slice(0, 2)
    .map(([size, positive, negative]) => (size > 0 ? positive : negative))
    .join('')
}

export function opposite(text: string): string {
  const pairs: Record<string, string> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' }
  return text.replace(/[LRAPHF]/g, (letter) => pairs[letter] ?? letter)
}

/** What stands at the image's edges, from the directions of its rows and columns. */
export function edgeLetters(row: Vector, column: Vector): EdgeLetters {
  const right = letters(row)
  const bottom = letters(column)
  return { left: opposite(right), right, top: opposite(bottom), bottom }
}

/** From PatientOrientation (0020,0020) where an image has no place in the patient. */
export function edgeLettersFromCodes(rowCode: string, columnCode: string): EdgeLetters {
  return {
    left: opposite(rowCode),
    right: rowCode,
    top: opposite(columnCode),
    bottom: columnCode,
  }
}

/** Edges of images without a place in the patient, however the camera turned them: `right` and
 * `down` are the screen's directions along the image's rows (x) and columns (y). */
export function edgeLettersFromView(
  right: Vector, down: Vector, [row, column]: readonly [string, string],
): EdgeLetters {
  const along = ([x, y]: Vector): string => {
    if (Math.abs(x) >= Math.abs(y)) return x > 0 ? row : opposite(row)
    return y > 0 ? column : opposite(column)
  }
  return edgeLettersFromCodes(along(right), along(down))
}
