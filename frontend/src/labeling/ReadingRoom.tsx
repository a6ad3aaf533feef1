/** The reading room's furniture: toolbar, strip, images, panel; sizes are kept for the next day. */
import type { ReactNode } from 'react'
import { t } from '../i18n'
import { Resizer } from '../ui/Resizer'
import classes from './reading.module.css'
import { PANEL, STRIP, type RoomLayout } from './roomLayout'

interface Props {
  layout: RoomLayout
  toolbar: ReactNode
  /** Null where there is nothing to choose from. */
  strip: ReactNode
  viewer: ReactNode
  panel: ReactNode
}

export function ReadingRoom({ layout, toolbar, strip, viewer, panel }: Props) {
  const { sizes, change } = layout
  const hasStrip = strip !== null && sizes.isStripOpen
  return (
    <div className={classes.room}>
      <header>{toolbar}</header>
      <div className={classes.floor}>
        {hasStrip && (
          <nav className={classes.side} aria-label={t('strip.title')}>
            <div className={classes.stripFrame} style={{ width: `${sizes.strip}rem` }}>
              {strip}
            </div>
            <Resizer label={t('room.resize_strip')} side="left" value={sizes.strip} minimum={STRIP.minimum} maximum={STRIP.maximum}
              className={classes.resizer} onChange={(rem) => change({ strip: rem })} />
          </nav>
        )}
        <main className={classes.viewer} aria-label={t('room.images')}>
          {viewer}
        </main>
        {sizes.isPanelOpen && (
          <aside className={classes.side} aria-label={t('room.panel')}>
            <Resizer label={t('room.resize_panel')} side="right" value={sizes.panel} minimum={PANEL.minimum} maximum={PANEL.maximum}
              className={classes.resizer} onChange={(rem) => change({ panel: rem })} />
            <div className={classes.panel} style={{ width: `${sizes.panel}rem` }}>
              {panel}
            </div>
          </aside>
        )}
      </div>
    </div>
  )
}
