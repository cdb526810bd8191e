import { useNavigate } from 'react-router'

/** The part of Cloudscape's follow and click events that links need. */
export interface FollowEvent {
  preventDefault(): void
  detail: { href?: string; external?: boolean }
}

/** Handles the links of components: pages of the portal open without loading it again. */
export function useFollow(): (event: FollowEvent) => void {
  const navigate = useNavigate()
  return (event) => {
    const { href, external } = event.detail
    if (!href || external) return
    event.preventDefault()
    void navigate(href)
  }
}
