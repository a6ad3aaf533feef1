/** Gives up images of which nothing is heard any more: the network went without a word, or a decoder died. Cornerstone
 * 5.14 waits for them for ever, and whoever asks again gets what waits already: such an image could never be shown.
 * Once given up, it has failed like any other. */
import * as core from '@cornerstonejs/core'
import { ViewerError } from './messages'

export const SILENCE_MS = 30_000
const PROGRESS = 'cornerstoneimageloadprogress'

/** How Cornerstone's loaders promise an image: with the parts and the end of it. */
type Coming = Promise<core.Types.IImage> & { iterator?: InstanceType<typeof core.utilities.ProgressiveIterator> }

/** End a request of which nothing comes: a browser has only few connections to a server. */
export function abortWhenSilent(xhr: Pick<XMLHttpRequest, 'abort'> & EventTarget): void {
  const silence = new Silence(() => xhr.abort())
  xhr.addEventListener('progress', silence.break)
  xhr.addEventListener('loadend', silence.end)
}

/** Let an image fail of which neither bytes nor parts come. A stream's request has no other end than this. */
export function failWhenSilent(imageId: string, promise: Coming): void {
  const { iterator } = promise
  if (!iterator) return // it was made here
  const silence = new Silence(() => iterator.reject(new ViewerError({ code: 'late', what: 'image' })))
  const onProgress = (event: Event) => {
    if ((event as CustomEvent<{ imageId: string }>).detail.imageId === imageId) silence.break()
  }
  core.eventTarget.addEventListener(PROGRESS, onProgress)
  void iterator.forEach(silence.break, () => undefined).finally(() => {
    silence.end()
    core.eventTarget.removeEventListener(PROGRESS, onProgress)
  })
}

/** Tells once that it has lasted too long. */
class Silence {
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly tooLong: () => void) {
    this.break()
  }

  readonly break = (): void => {
    clearTimeout(this.timer)
    this.timer = setTimeout(this.tooLong, SILENCE_MS)
  }

  readonly end = (): void => clearTimeout(this.timer)
}
