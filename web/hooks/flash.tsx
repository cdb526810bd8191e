/**
 * Results of actions, shown in a corner; the oldest make room. A success goes by itself,
 * because the page shows what came of it; a refusal stays until it is dismissed.
 */
import { createContext, type ReactNode, useContext, useMemo, useState } from 'react'

const flashesMost = 5
const successShownMs = 8_000

export interface Flash {
  id: string
  type: 'success' | 'error' | 'info'
  header: string
  content?: ReactNode
}

interface Flashes {
  items: Flash[]
  show(flash: Omit<Flash, 'id'>): void
  dismiss(id: string): void
}

const FlashContext = createContext<Flashes | null>(null)

let flashCount = 0

export function FlashProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<Flash[]>([])
  const value = useMemo<Flashes>(() => {
    const dismiss = (id: string) => setItems((before) => before.filter((item) => item.id !== id))
    return {
      items,
      dismiss,
      show(flash) {
        flashCount += 1
        const id = `flash-${flashCount}`
        if (flash.type === 'success') setTimeout(() => dismiss(id), successShownMs)
        setItems((before) => [{ ...flash, id }, ...before].slice(0, flashesMost))
      },
    }
  }, [items])
  return <FlashContext value={value}>{children}</FlashContext>
}

export function useFlash(): Flashes {
  const flashes = useContext(FlashContext)
  if (!flashes) throw new Error('useFlash needs a FlashProvider above it')
  return flashes
}
