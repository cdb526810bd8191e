import { useEffect, useEffectEvent, useRef } from 'react'

export interface Coalesced {
  (): void
  cancel(): void
}

/** Many calls, one run: it follows the first call after `waitMs` and stands for all until then. */
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

/**
 * `coalesce` for the life of a component; always runs the newest `run`. Not to be called in render.
 */
export function useCoalesced(run: () => void, waitMs: number): () => void {
  const newest = useEffectEvent(run)
  const pending = useRef<Coalesced>(null)
  useEffect(() => {
    const coalesced = coalesce(() => newest(), waitMs)
    pending.current = coalesced
    return coalesced.cancel
  }, [waitMs])
  return () => pending.current?.()
}
