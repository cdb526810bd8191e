import { useEffect, useRef, useState } from 'react'

export interface Coalesced {
  (): void
  cancel(): void
}

/** Many calls, one run: `run` follows the first call after `waitMs` and stands for all calls until then. */
export function coalesce(run: () => void, waitMs: number): Coalesced {
  let timer: ReturnType<typeof setTimeout> | undefined
  const call = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      run()
    }, waitMs)
  }
  call.cancel = () => {
    clearTimeout(timer)
    timer = undefined
  }
  return call
}

/** `coalesce` for the life of a component; always runs the newest `run`. */
export function useCoalesced(run: () => void, waitMs: number): () => void {
  const newest = useRef(run)
  const [call] = useState(() => coalesce(() => newest.current(), waitMs))
  useEffect(() => {
    newest.current = run
  })
  useEffect(() => call.cancel, [call])
  return call
}
