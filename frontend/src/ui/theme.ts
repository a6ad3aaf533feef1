/** Colours and sizes of the whole app. */
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

/** A reading room's greys: near black, and text that is never pure white. */
const dark: MantineColorsTuple = [
  '#d6dade', '#b9bfc6', '#9aa2ab', '#6f7882', '#3a4048', '#2b3036', '#202429', '#15181c', '#0e1013', '#08090b',
]

/** Okabe and Ito's palette (2008): told apart with every kind of colour vision; black is left out. Seven more follow,
 * chosen to differ from all before them at least as much as the palette's own do (tests/colours.test.ts). */
export const LABEL_COLOURS = [
  '#56b4e9', '#e69f00', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#0072b2',
  '#8811ff', '#ccffbb', '#99bb66', '#bb55ff', '#00ffee', '#cc0033', '#99ff88',
] as const

export function labelColour(index: number): string {
  return LABEL_COLOURS[index % LABEL_COLOURS.length] ?? LABEL_COLOURS[0]
}

export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  colors: { dark },
  autoContrast: true,
  luminanceThreshold: 0.35,
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    // On a laptop the least letters would have 9 pixels.
    Badge: { vars: () => ({ root: { '--badge-fz': 'var(--mantine-font-size-xs)' } }) },
    Kbd: { vars: () => ({ root: { '--kbd-fz': 'var(--mantine-font-size-xs)' } }) },
    // Whoever moves by keyboard reads the same hints as whoever hovers.
    // (By name: importing Tooltip here would put it into the page of the worklist.)
    Tooltip: { defaultProps: { events: { hover: true, focus: true, touch: false } } },
  },
})

/** On light grounds the kit's own letters of these colours have a contrast of 2.8 to 4.5. */
export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-teal-light-color': '#066b4c',
    '--mantine-color-yellow-light-color': '#804200',
    '--mantine-color-orange-light-color': '#a83a00',
  },
  dark: {},
})
