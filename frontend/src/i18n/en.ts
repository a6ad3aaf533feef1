/** Every text of the app in English; German must have the same keys (checked by its type). */
import { app } from './en/app'
import { actions } from './en/actions'
import { clinical } from './en/clinical'
import { datasets } from './en/datasets'
import { exchange } from './en/exchange'
import { explanations } from './en/explanations'
import { knobs } from './en/knobs'
import { leftOut } from './en/leftOut'
import { models } from './en/models'
import { projects } from './en/projects'
import { quick } from './en/quick'
import { reading } from './en/reading'
import { said } from './en/said'
import { schema } from './en/schema'
import { targets } from './en/targets'
import { troubles } from './en/troubles'

export const en = { ...app, ...actions, ...clinical, ...datasets, ...exchange, ...explanations, ...knobs, ...leftOut, ...models, ...projects, ...quick, ...reading, ...said, ...schema, ...targets, ...troubles } as const
