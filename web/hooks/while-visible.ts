import { useEffect, useEffectEvent } from 'react'

/** Runs again and again while the component is there and its browser tab can be seen. */
export function useWhileVisible(run: () => void, everyMs: number): void {
  const tick = useEffectEvent(() => {
    if (document.visibilityState === 'visible') run()
  })
  useEffect(() => {
    const timer = setInterval(() => tick(), everyMs)
    const onVisible = () => tick()
    document.addEventListener('visibilitychange', onVisible)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [everyMs])
}
