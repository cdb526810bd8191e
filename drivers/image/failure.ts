/** What every image store refuses, in the same words. */
import { ImageStoreError } from './driver.ts'

/** Lower case only: a file system may or may not tell cases apart, so there is one spelling. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function isImageId(id: string): boolean {
  return UUID.test(id)
}

/** Throws NOT_FOUND for what cannot be an image's id; it is not repeated, it may be anything. */
export function checkId(id: string): void {
  if (!isImageId(id)) throw new ImageStoreError('NOT_FOUND', 'An image id is a UUID in lower case')
}

export function noSuchImage(id: string, cause?: unknown): ImageStoreError {
  return new ImageStoreError('NOT_FOUND', `The image store has no image ${id}`, { cause })
}

export function wrongOffset(id: string, offset: number, staged: number): ImageStoreError {
  const message = `The upload of image ${id} goes on at byte ${staged}, not at byte ${offset}`
  return new ImageStoreError('OFFSET', message)
}

export function tooLarge(id: string, limitBytes: number): ImageStoreError {
  const message = `Of image ${id} at most ${limitBytes} bytes are accepted here, and more were sent`
  return new ImageStoreError('TOO_LARGE', message)
}

export function full(cause?: unknown): ImageStoreError {
  return new ImageStoreError('NO_SPACE', 'The image store is full', { cause })
}

/** The sender went away, the caller's signal fired, or a newer writer took over. */
export function brokenOff(id: string, cause?: unknown): ImageStoreError {
  const message = `The upload of image ${id} broke off; what has arrived is kept`
  return new ImageStoreError('ABORTED', message, { cause })
}
