/** All routes of the portal. Each page is loaded when it is first opened. */
import { createBrowserRouter, type RouteObject } from 'react-router'
import { pages } from './page-table.ts'
import type { PageHandle } from './parts/Frame.tsx'
import { paths } from './paths.ts'
import { currentSession } from './session.ts'
import { BrokenPage, MissingPage } from './ui/BrokenPage.tsx'

const routes: RouteObject[] = [
  {
    ErrorBoundary: BrokenPage,
    HydrateFallback: () => null,
    children: [
      {
        path: 'login',
        lazy: { Component: async () => (await import('./pages/identity/Login.tsx')).Login },
      },
      {
        lazy: { Component: async () => (await import('./parts/Shell.tsx')).Shell },
        children: [{ ErrorBoundary: BrokenPage, children: pageRoutes() }],
      },
    ],
  },
]

function pageRoutes(): RouteObject[] {
  const known = pages.map(({ path, load, isTable, worksWithoutProject }): RouteObject => {
    const handle: PageHandle = { isTable, worksWithoutProject }
    const page = { handle, lazy: { Component: load } }
    return path === '' ? { ...page, index: true } : { ...page, path }
  })
  return [...known, { path: '*', Component: MissingPage }]
}

/** Who is not signed in begins at the log in page, without loading the portal behind it. */
export function createRouter() {
  const { pathname, search } = location
  if (!currentSession() && pathname !== paths.login())
    history.replaceState(null, '', paths.login({ from: pathname + search }))
  return createBrowserRouter(routes)
}
