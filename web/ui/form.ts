import type { SyntheticEvent } from 'react'

/**
 * The handler of a form that is sent by the portal and not by the browser. A form in front of
 * another (a modal) is below it in React's tree: what is sent there must not send this one too.
 */
export function submitsBy(submit: () => Promise<void>): (event: SyntheticEvent) => void {
  return (event) => {
    event.preventDefault()
    event.stopPropagation()
    void submit()
  }
}
