import Link, { type LinkProps } from '@cloudscape-design/components/link'
import { useFollow } from '../hooks/follow.ts'

interface PageLinkProps {
  href: string
  children: string
  variant?: LinkProps.Variant
  fontSize?: LinkProps.FontSize
}

/** A link to a page of the portal. */
export function PageLink({ href, children, variant, fontSize }: PageLinkProps) {
  const follow = useFollow()
  return (
    <Link href={href} variant={variant} fontSize={fontSize} onFollow={follow}>
      {children}
    </Link>
  )
}
