import { formatMoment } from './format.ts'

/** A moment in local time; a dash when there is none yet. */
export function Moment({ at }: { at: string | null | undefined }) {
  if (!at) return <>–</>
  return (
    <time dateTime={at} title={at}>
      {formatMoment(at)}
    </time>
  )
}
