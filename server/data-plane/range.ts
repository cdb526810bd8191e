import { CloudError } from '../../services/errors.ts'

/** First and last byte, both included; `total` is the size of the whole. */
export interface ByteRange {
  start: number
  end: number
  total: number
}

/** The `Content-Range` of a part (RFC 9110, 14.4); null when there is none. */
export function contentRange(header: string | undefined): ByteRange | null {
  if (header === undefined) return null
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header)
  const [start, end, total] = (match ?? []).slice(1).map(Number)
  if (
    start === undefined ||
    end === undefined ||
    total === undefined ||
    end < start ||
    end >= total
  ) {
    throw new CloudError('BAD_INPUT', 'Content-Range must be "bytes <first>-<last>/<total>"')
  }
  return { start, end, total }
}

/**
 * The `Range` of a read (RFC 9110, 14.2): null for the whole. Several ranges, other units and
 * nonsense are answered with the whole, as the RFC allows.
 */
export function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return null
  const [first, last] = [match[1] ?? '', match[2] ?? '']
  if (first === '') {
    const count = Math.min(Number(last), sizeBytes)
    return count === 0 ? 'unsatisfiable' : { start: sizeBytes - count, end: sizeBytes - 1 }
  }
  const start = Number(first)
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  if (start >= sizeBytes) return 'unsatisfiable'
  return end < start ? null : { start, end }
}
