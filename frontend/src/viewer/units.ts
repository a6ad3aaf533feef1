/** PURE. The unit of an image's values, from what its header says of them. */

export interface UnitFacts {
  modality?: string | undefined
  /** Of the modality's rescaling (0028,1054). */
  rescaleType?: string | undefined
  /** Of a PET image (0054,1001). */
  units?: string | undefined
  /** Whether the loader has divided the activity by the dose and the weight. */
  isSuv: boolean
}

/** PS3.3 C.8.9.1.1.3; a code that is not here stands for itself. */
const PET_UNITS: Readonly<Record<string, string>> = {
  BQML: 'Bq/ml', CNTS: 'counts', CPS: 'counts/s', PROPCNTS: 'counts', PROPCPS: 'counts/s', GML: 'g/ml',
  CM2: 'cm²', CM2ML: 'cm²/ml', PCNT: '%', MLMING: 'ml/min/g', MLMINML: 'ml/min/ml', UMOLML: 'µmol/ml', NONE: '',
}
const UNSPECIFIED = 'US'

/** Empty where there is none, or none is known. */
export function unitOfValues({ modality, rescaleType, units, isSuv }: UnitFacts): string {
  if (modality === 'PT' && isSuv) return 'SUV'
  if (modality === 'PT' && units) return PET_UNITS[units] ?? units
  if (rescaleType && rescaleType !== UNSPECIFIED) return rescaleType
  return modality === 'CT' ? 'HU' : ''
}
