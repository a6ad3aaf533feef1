/** PURE. The kinds of explanation of a case in one list, to choose from and to step through. */
import type { Schemas } from '../api/client'

export type Method = Schemas['ExplanationMethodEnum'] | 'neighbours'

export interface Mode {
  key: string
  method: Method
  /** The model version; empty for neighbours, which need none. */
  model: string
  kind: Schemas['Target']['kind']
  /** What the schema calls the target. */
  labels: readonly string[]
  question: string
  number: number
  /** The answers to choose from; none where the map speaks for all of them. */
  classes: readonly string[]
  likely: string
}

/** These ask what speaks for one answer. */
const OF_ANSWERS: readonly Method[] = ['grad_cam', 'occlusion']
const NEIGHBOURS: Mode = {
  key: 'neighbours', method: 'neighbours', model: '', kind: 'one', labels: [], question: '', number: 0, classes: [], likely: '',
}

/** Every method of every model, then the neighbours; nothing where no model can be asked. */
export function modesOf(models: readonly Schemas['Explainable'][]): readonly Mode[] {
  const maps = models.flatMap(({ model_version: model, methods, classes, ...about }) =>
    methods.map((method): Mode => ({
      ...about, key: `${model} ${method}`, method, model, classes: OF_ANSWERS.includes(method) ? classes : [],
    })))
  return maps.length > 0 ? [...maps, NEIGHBOURS] : []
}

export function nextMode(modes: readonly Mode[], mode: Mode): Mode {
  const index = modes.findIndex(({ key }) => key === mode.key)
  return modes[(index + 1) % modes.length] ?? mode
}
