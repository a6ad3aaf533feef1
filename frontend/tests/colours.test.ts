import { describe, expect, it } from 'vitest'
import { LABEL_COLOURS, labelColour } from '../src/ui/theme'

type Triple = [number, number, number]

/** What eyes without one kind of cone make of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1). */
const EYES: Record<string, Triple[]> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
/** sRGB to XYZ, divided by the white of D65 (IEC 61966-2-1). */
const XYZ: Triple[] = [
  [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047], [0.2126729, 0.7151522, 0.072175],
  [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
]
const times = (matrix: Triple[], v: Triple) => matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Triple

function linear(hex: string): Triple {
  return [1, 3, 5].map((start) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as Triple
}

function lab(colour: Triple): Triple {
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)
  const [x, y, z] = times(XYZ, colour).map(f) as Triple
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

function difference(one: string, other: string, eye: Triple[]): number {
  const [a, b] = [one, other].map((hex) => lab(times(eye, linear(hex)).map((v) => Math.min(Math.max(v, 0), 1)) as Triple)) as [Triple, Triple]
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
}

describe('the colours of labels', () => {
  const pairs = LABEL_COLOURS.flatMap((one, i) => LABEL_COLOURS.slice(i + 1).map((other) => [one, other] as const))

  it('are fourteen before the first comes again', () => {
    expect(new Set(Array.from({ length: 14 }, (_, index) => labelColour(index))).size).toBe(14)
    expect(labelColour(14)).toBe(labelColour(0))
  })

  it.each(Object.entries(EYES))('are told apart by eyes with %s', (_, eye) => {
    // Sky blue and bluish green, the closest of Okabe and Ito, lie 16 apart with tritanopia.
    const alike = pairs.filter(([one, other]) => difference(one, other, eye) < 15)
    expect(alike).toEqual([])
  })

  it('stand out from the black of images (WCAG 2.1, 1.4.11)', () => {
    const luminance = (hex: string) => times(XYZ, linear(hex))[1]
    expect(LABEL_COLOURS.filter((hex) => (luminance(hex) + 0.05) / 0.05 < 3)).toEqual([])
  })
})
