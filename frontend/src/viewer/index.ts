/** The viewer as the page loads it, apart from the page itself: it is nine tenths of the reading room. */
export { MapOverlay } from './explanations/MapOverlay'
export { watchGraphics } from './graphics'
export { MaskEditor } from './masks/MaskEditor'
export { SuggestedMasks } from './masks/SuggestedMasks'
export { PinLayer } from './PinLayer'
export { guardPriors } from './priors'
export { RegionLayer } from './regions/RegionLayer'
export { Workstation } from './Workstation'
