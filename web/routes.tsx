/** All routes of the portal. Each page is loaded when it is first opened. */
import { createBrowserRouter, type RouteObject } from 'react-router'
import type { PageHandle } from './parts/Frame.tsx'
import { paths } from './paths.ts'
import { currentSession } from './session.ts'
import { BrokenPage, MissingPage } from './ui/BrokenPage.tsx'

const table: PageHandle = { isTable: true }

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
        children: [{ ErrorBoundary: BrokenPage, children: pages() }],
      },
    ],
  },
]

function pages(): RouteObject[] {
  return [
    {
      index: true,
      lazy: { Component: async () => (await import('./pages/Overview.tsx')).Overview },
    },
    {
      path: 'servers',
      handle: table,
      lazy: { Component: async () => (await import('./pages/compute/Servers.tsx')).Servers },
    },
    {
      path: 'servers/new',
      lazy: {
        Component: async () => (await import('./pages/compute/ServerCreate.tsx')).ServerCreate,
      },
    },
    {
      path: 'servers/:id',
      lazy: { Component: async () => (await import('./pages/compute/Server.tsx')).Server },
    },
    {
      path: 'images',
      handle: table,
      lazy: { Component: async () => (await import('./pages/image/Images.tsx')).Images },
    },
    {
      path: 'images/new',
      lazy: { Component: async () => (await import('./pages/image/ImageUpload.tsx')).ImageUpload },
    },
    {
      path: 'hosts',
      handle: table,
      lazy: { Component: async () => (await import('./pages/compute/Hosts.tsx')).Hosts },
    },
    {
      path: 'hosts/:id',
      lazy: { Component: async () => (await import('./pages/compute/Host.tsx')).Host },
    },
    { path: '*', Component: MissingPage },
  ]
}

/** Who is not signed in begins at the log in page, without loading the portal behind it. */
export function createRouter() {
  const { pathname, search } = location
  if (!currentSession() && pathname !== paths.login())
    history.replaceState(null, '', paths.login({ from: pathname + search }))
  return createBrowserRouter(routes)
}
