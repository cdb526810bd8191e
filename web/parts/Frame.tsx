import AppLayout from '@cloudscape-design/components/app-layout'
import Flashbar from '@cloudscape-design/components/flashbar'
import SideNavigation, {
  type SideNavigationProps,
} from '@cloudscape-design/components/side-navigation'
import { Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { Outlet, useLocation, useMatches } from 'react-router'
import { useFlash } from '../hooks/flash.tsx'
import { useFollow } from '../hooks/follow.ts'
import { type NavigationLink, navigationOf, pages } from '../page-table.ts'
import { paths } from '../paths.ts'
import { Empty } from '../ui/Empty.tsx'
import { Loading } from '../ui/Loading.tsx'
import { scopeName, useScopes } from './scopes.ts'
import { TopBar } from './TopBar.tsx'
import { may, useViewer } from './viewer.ts'

/** What a route tells the frame about its page. */
export interface PageHandle {
  isTable?: boolean
  worksWithoutProject?: boolean
}

/** Top bar, navigation, results, and the page. */
export function Frame({ isLost }: { isLost: boolean }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const handles = useMatches().map((match) => match.handle as PageHandle | undefined)
  return (
    <>
      <TopBar isLost={isLost} />
      <AppLayout
        headerSelector="#top"
        toolsHide
        contentType={handles.some((handle) => handle?.isTable) ? 'table' : 'default'}
        navigation={<Navigation />}
        content={
          viewer.project || handles.some((handle) => handle?.worksWithoutProject) ? (
            <Suspense fallback={<Loading text={t('common.loading')} />}>
              <Outlet />
            </Suspense>
          ) : (
            <NeedsProject />
          )
        }
      />
      <Results />
    </>
  )
}

/** Said in place of a page about a project while the token is for something else. */
function NeedsProject() {
  const { t } = useTranslation()
  const { projects } = useViewer()
  const scopes = useScopes()
  if (projects.length === 0 && scopes.length > 0) {
    return <Empty title={t('shell.needsProject')} text={t('shell.chooseScopeText')} />
  }
  if (projects.length === 0) {
    return <Empty title={t('shell.noProject')} text={t('shell.noProjectText')} />
  }
  return <Empty title={t('shell.needsProject')} text={t('shell.needsProjectText')} />
}

/** Beside the page, not above it: what comes and goes by itself moves nothing under the pointer. */
function Results() {
  const { t } = useTranslation()
  const { items, dismiss } = useFlash()
  const flashes = items.map((item) => ({
    ...item,
    dismissible: true,
    dismissLabel: t('common.dismiss'),
    onDismiss: () => dismiss(item.id),
  }))
  return (
    <section className="results" aria-label={t('shell.notifications')}>
      <Flashbar items={flashes} />
    </section>
  )
}

function Navigation() {
  const { t } = useTranslation()
  const { pathname } = useLocation()
  const follow = useFollow()
  const viewer = useViewer()
  const { top, sections } = navigationOf(pages, (rule) => may(viewer, rule))
  const link = ({ text, href }: NavigationLink) => ({
    type: 'link' as const,
    text: t(`nav.${text}`),
    href,
  })
  const items: SideNavigationProps.Item[] = [
    ...top.map(link),
    ...sections.map(({ text, links }) => ({
      type: 'section' as const,
      text: t(`nav.${text}`),
      items: links.map(link),
    })),
    { type: 'divider' },
    { type: 'link', text: t('nav.playground'), href: paths.playground(), external: true },
  ]
  // The page of a resource belongs to its list: /servers/1 marks /servers.
  const activeHref = `/${pathname.split('/')[1]}`
  return (
    <SideNavigation
      header={{ text: scopeName(viewer), href: paths.overview() }}
      activeHref={activeHref}
      items={items}
      onFollow={follow}
    />
  )
}
