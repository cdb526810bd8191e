/** Sending the bytes of an image. fetch can't tell how far an upload is, XMLHttpRequest can. */
import { explainBody, RefusedError } from '../../errors.ts'

interface Put {
  url: string
  file: File
  secret: string
  /** From 0 to 1. */
  onProgress(part: number): void
  signal: AbortSignal
}

/**
 * Resolves when the cloud has taken all bytes; throws RefusedError with its reason when it does
 * not.
 */
export function putImage({ url, file, secret, onProgress, signal }: Put): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    // The API may name itself by another host than the one the browser came by.
    const { pathname, search } = new URL(url, location.origin)
    request.open('PUT', pathname + search)
    request.setRequestHeader('authorization', `Bearer ${secret}`)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.addEventListener('progress', ({ loaded, total }) => {
      if (total > 0) onProgress(loaded / total)
    })
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) resolve()
      else reject(new RefusedError(explainBody(request.status, request.responseText)))
    })
    request.addEventListener('error', () =>
      reject(new RefusedError({ code: 'NETWORK', message: 'The upload broke off', details: {} })),
    )
    request.addEventListener('abort', () => reject(signal.reason))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

const qcow2Magic = [0x51, 0x46, 0x49, 0xfb]

/** A first guess of the format; the cloud inspects the bytes itself. */
export async function diskFormatOf(file: File): Promise<'QCOW2' | 'RAW'> {
  const start = new Uint8Array(await file.slice(0, qcow2Magic.length).arrayBuffer())
  return qcow2Magic.every((byte, index) => start[index] === byte) ? 'QCOW2' : 'RAW'
}
