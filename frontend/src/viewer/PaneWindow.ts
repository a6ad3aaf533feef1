/** The window of one pane: what its images bring along, presets by their names, and what the reader sets. */
import * as core from '@cornerstonejs/core'
import type { LoadedSeries } from './loading'
import type { Picture } from './pictures'
import {
  isSameWindow, presetsFor, rangeOf, windowBetween, windowOf, windowOfRange, type Preset, type Range, type Window,
} from './presets'
import { isInSuv, storedWindows, valuesOf, valuesWithin } from './samples'

const REGION_PERCENTILES = [1, 99] as const
const WINDOW_OF_LAST_RESORT = 'full'
/** Cornerstone shows a stack in SUV with it. */
const SUV_WINDOW = windowOfRange({ lower: 0, upper: 5 })

export class PaneWindow {
  private picture: Picture | null = null
  private loaded: LoadedSeries | null = null
  /** What was set here last; its preset is in force as long as nobody has set another window. */
  private last: { window: Window; preset: string } | null = null
  /** A preset that counts values of slices which are still on their way, and the window that is there meanwhile. */
  private waiting: { preset: string; meanwhile: Window } | null = null
  /** What the images brought along; null where that was nothing. */
  private first: Window | null = null

  /** @param onSet hears that the pane shows another window */
  constructor(private readonly onSet: () => void) {}

  begin(picture: Picture, loaded: LoadedSeries): void {
    this.picture = picture
    this.loaded = loaded
    if (picture.volumeId !== null) this.correct(loaded)
    this.first = this.isUsable() ? this.current() : null
    if (!this.first) this.use(WINDOW_OF_LAST_RESORT)
  }

  end(): void {
    this.picture = this.loaded = this.last = this.waiting = this.first = null
  }

  presets(modality: string): Preset[] {
    return presetsFor(modality, this.stored())
  }

  /** What a range is called: by the header's numbers where it is one of the header's windows. */
  windowOf(range: Range): Window {
    return windowOfRange(range, this.stored())
  }

  /** Those of the image; of a plane across images those of the middle one, with which Cornerstone shows it first. */
  private stored(): Window[] {
    const { imageIds = [] } = this.loaded ?? {}
    const imageId = this.picture?.imageId() ?? imageIds[Math.floor(imageIds.length / 2)]
    return imageId === undefined ? [] : storedWindows(imageId)
  }

  /** The preset that this window comes from; empty where somebody has set another one. */
  presetOf(window: Window): string {
    return this.last && isSameWindow(window, this.last.window) ? this.last.preset : ''
  }

  /** A preset by its name, or a window in the image's units. */
  use(wanted: string | Window): void {
    const { picture, loaded } = this
    if (!picture || !loaded) return
    if (typeof wanted !== 'string') {
      this.set(wanted, '')
      return
    }
    const preset = this.presets(loaded.series.modality).find(({ name }) => name === wanted)
    const window = preset && windowOf(preset, () => valuesOf(picture))
    if (window) this.set(window, wanted)
    this.waiting = preset && 'percentiles' in preset.window && lacksValues(picture, loaded)
      ? { preset: wanted, meanwhile: this.current() } : null
  }

  /** Slices have come: a preset that waited for the last of them is used, unless the reader has set a window since. */
  arrived(): void {
    const { picture, loaded, waiting } = this
    if (!picture || !loaded || !waiting || lacksValues(picture, loaded)) return
    this.waiting = null
    if (isSameWindow(this.current(), waiting.meanwhile)) this.use(waiting.preset)
  }

  /** The window that suits a rectangle of the canvas. */
  suit(from: readonly [number, number], to: readonly [number, number]): void {
    if (!this.picture) return
    const window = windowBetween(valuesWithin(this.picture.viewport, from, to), ...REGION_PERCENTILES)
    if (window) this.set(window, '')
  }

  /** As the images were first shown, not inverted. */
  reset(): void {
    const { picture, first } = this
    if (!picture) return
    const { viewport } = picture
    if (picture.volumeId === null) {
      viewport.resetProperties()
      if (!this.isUsable()) this.use(WINDOW_OF_LAST_RESORT)
      return
    }
    // Cornerstone would bring the header's window back, a moment after this, and leave planes inverted.
    if (viewport.getProperties()?.invert) viewport.setProperties({ invert: false })
    this.use(first ?? WINDOW_OF_LAST_RESORT)
  }

  /** Cornerstone shows planes with the header's window as if it were LINEAR, and in Bq/ml where the voxels are SUV: black. */
  private correct(loaded: LoadedSeries): void {
    const [own] = isInSuv(loaded) ? [SUV_WINDOW] : this.stored()
    if (own && own.rule !== 'LINEAR') this.set(own, '')
  }

  private set(window: Window, preset: string): void {
    const { picture } = this
    if (!picture) return
    this.last = { window, preset }
    this.waiting = null
    picture.viewport.setProperties({ voiRange: rangeOf(window) })
    picture.viewport.render()
    this.onSet()
  }

  private current(): Window {
    return windowOfRange(this.range())
  }

  /** Of a frame without a window Cornerstone takes the extremes, which it does not know of frames
   * that a volume has loaded. */
  private isUsable(): boolean {
    const { lower, upper } = this.range()
    return upper > lower
  }

  private range(): { lower: number; upper: number } {
    return this.picture?.viewport.getProperties()?.voiRange ?? { lower: 0, upper: 0 }
  }
}

/** Whether a plane cuts across slices of which some are still missing. */
function lacksValues(picture: Picture, { imageIds }: LoadedSeries): boolean {
  if (picture.volumeId === null || core.cache.isLoaded(picture.imageId() ?? '')) return false
  return !imageIds.every((imageId) => core.cache.isLoaded(imageId))
}
