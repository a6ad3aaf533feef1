/** Starts Cornerstone3D once and says whether this browser can show images at all. */
import * as core from '@cornerstonejs/core'
import { init as initLoader } from '@cornerstonejs/dicom-image-loader'
import * as tools from '@cornerstonejs/tools'
import { decodeAsDescribed } from './decoding'
import { FRAME_TYPES } from './dicomweb'
import { answerForMetadata } from './metadata'
import { abortWhenSilent, failWhenSilent } from './silence'
import { registerTools } from './tools'
import { registerVolumes } from './volumes'
import { takeOneSamplePerPixel } from './webgl'

const CACHE_BYTES = 1.5 * 2 ** 30
const PREFETCHES = 6
let started: Promise<void> | null = null

export function startCornerstone(): Promise<void> {
  started ??= start()
  return started
}

function start(): Promise<void> {
  takeOneSamplePerPixel()
  core.init()
  core.cache.setMaxCacheSize(CACHE_BYTES)
  // The loader purges caches and metadata when it starts: once, and before anything is registered.
  initLoader({
    maxWebWorkers: Math.min(Math.max((navigator.hardwareConcurrency || 2) - 1, 1), 4),
    beforeSend,
  })
  decodeAsDescribed()
  registerVolumes()
  answerForMetadata()
  tools.init()
  registerTools()
  // Undo is ours. Of its own the tools need the last step alone: fifty would keep their slices over many cases.
  core.utilities.HistoryMemo.DefaultHistoryMemo.size = 1
  mindLoading()
  // Requests cannot be taken back: a volume's must not stand before the slice that is looked at.
  core.imageLoadPoolManager.setMaxSimultaneousRequests(core.Enums.RequestType.Prefetch, PREFETCHES)
  return Promise.resolve()
}

/** Of a stream there is no XMLHttpRequest, whatever the type says. */
function beforeSend(xhr: XMLHttpRequest | null): Promise<Record<string, string>> {
  if (xhr) abortWhenSilent(xhr)
  return Promise.resolve({ Accept: FRAME_TYPES })
}

/** Every image that is loaded comes by here. Cornerstone 5.14 drops the cache's promise (imageLoader.loadAndCacheImage):
 * each frame that was not got would be an unhandled rejection, beside the event and the rejection that tell of it. */
function mindLoading(): void {
  const put = core.cache.putImageLoadObject.bind(core.cache)
  core.cache.putImageLoadObject = (imageId, loading) => {
    const cached = put(imageId, loading)
    cached.catch(() => undefined)
    failWhenSilent(imageId, loading.promise)
    return cached
  }
}
