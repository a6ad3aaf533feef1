/** The commands of keys and buttons: each moves the active pane, and what is linked to it. */
import type { Pane } from './Pane'
import type { Preset, Window } from './presets'
import type { Slab } from './types'

export abstract class PaneCommands {
  /** The active pane, which others follow from now on. */
  protected abstract lead(): Pane | undefined

  scroll(by: number): void {
    this.lead()?.scroll(by)
  }

  goTo(slice: number): Promise<void> {
    return this.lead()?.goTo(slice) ?? Promise.resolve()
  }

  /** A preset by name, or a window in the image's units. */
  window(wanted: string | Window): void {
    this.lead()?.window(wanted)
  }

  /** The presets of the active pane; their keys are 1 to 9. */
  presets(): Preset[] {
    return this.lead()?.presets() ?? []
  }

  /** Use the preset of a key; false where there is none. */
  windowByKey(key: string): boolean {
    const preset = this.presets().find((one) => one.key === key)
    if (preset) this.window(preset.name)
    return preset !== undefined
  }

  /** Times the present zoom. */
  zoom(factor: number): void {
    const pane = this.lead()
    pane?.setZoom(pane.state.zoom * factor)
  }

  fit(): void {
    this.lead()?.fit()
  }

  reset(): void {
    this.lead()?.reset()
  }

  invert(): void {
    this.lead()?.invert()
  }

  flip(direction: 'h' | 'v'): void {
    this.lead()?.flip(direction)
  }

  rotate(degrees: number): void {
    this.lead()?.rotate(degrees)
  }

  /** Null stops. */
  cine(fps: number | null): void {
    this.lead()?.cine(fps)
  }

  /** Null ends it. */
  slab(slab: Slab | null): void {
    this.lead()?.slab(slab)
  }
}
