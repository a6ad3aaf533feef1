/** What the pointer that keys move does and where it is: read at the foot of its pane, or heard. */
import { useSyncExternalStore } from 'react'
import { formatNumber, t } from '../i18n'
import type { PointedPlace } from '../viewer/pointer/KeyPointer'
import type { Pointed, PointerKeys } from './useKeyPointer'
import classes from './reading.module.css'

export function PointerText({ pointer }: { pointer: PointerKeys }) {
  const pointed = useSyncExternalStore(pointer.subscribe, pointer.last)
  const isShown = pointed !== null && pointed.deed !== 'gone'
  return (
    <div className={isShown ? classes.pointerText : classes.unseen} role="status" data-testid="pointer-text">
      {pointed && textOf(pointed)}
    </div>
  )
}

function textOf({ deed, place }: Pointed): string {
  return t(`pointer.${deed}`, { place: place ? placeText(place) : '' })
}

function placeText(place: PointedPlace): string {
  if ('pixel' in place) {
    const [x, y] = place.pixel
    return t('pointer.pixel', { x: String(x), y: String(y) })
  }
  const [x, y, z] = place.point.map((mm) => formatNumber(mm, 1))
  return t('pointer.point', { x: x ?? '', y: y ?? '', z: z ?? '' })
}
