/** Every text of the app in German. */
import type { Catalogue } from '.'
import { app } from './de/app'
import { actions } from './de/actions'
import { clinical } from './de/clinical'
import { exchange } from './de/exchange'
import { explanations } from './de/explanations'
import { knobs } from './de/knobs'
import { leftOut } from './de/leftOut'
import { models } from './de/models'
import { projects } from './de/projects'
import { quick } from './de/quick'
import { reading } from './de/reading'
import { said } from './de/said'
import { schema } from './de/schema'
import { targets } from './de/targets'
import { troubles } from './de/troubles'

export const de: Catalogue = { ...app, ...actions, ...clinical, ...exchange, ...explanations, ...knobs, ...leftOut, ...models, ...projects, ...quick, ...reading, ...said, ...schema, ...targets, ...troubles }
