import { createContext, useContext } from 'react'

/** Reads all that is on the screen again. */
export const ScreenContext = createContext<(() => void) | null>(null)

/**
 * Reads all that is on the screen again: called after a person's own change, so that also what has
 * no watch (a list of credentials, the rules and projects of the viewer) tells of it at once.
 */
export function useRereadScreen(): () => void {
  const reread = useContext(ScreenContext)
  if (!reread) throw new Error('useRereadScreen needs a Shell above it')
  return reread
}
