import type { SyntheticEvent } from 'react'

/** The handler of a form that is sent by the portal and not by the browser. */
export function submitsBy(submit: () => Promise<void>): (event: SyntheticEvent) => void {
  return (event) => {
    event.preventDefault()
    void submit()
  }
}
