import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group'
import ContentLayout from '@cloudscape-design/components/content-layout'
import Header from '@cloudscape-design/components/header'
import type { ReactNode } from 'react'
import { useFollow } from '../hooks/follow.ts'
import { PageTitle } from './PageTitle.tsx'

export interface Crumb {
  text: string
  href: string
}

interface PageProps {
  title: string
  description?: ReactNode
  actions?: ReactNode
  /** The pages above this one. */
  trail?: Crumb[]
  children: ReactNode
}

/**
 * The frame of a page that is not a table: where it is, its name, what can be done, its content.
 */
export function Page({ title, description, actions, trail, children }: PageProps) {
  const follow = useFollow()
  const crumbs = trail && [...trail, { text: title, href: '#' }]
  return (
    <ContentLayout
      breadcrumbs={crumbs && <BreadcrumbGroup items={crumbs} onFollow={follow} />}
      header={
        <Header variant="h1" description={description} actions={actions}>
          {title}
        </Header>
      }
    >
      <PageTitle text={title} />
      {children}
    </ContentLayout>
  )
}
