import { expect, test } from 'vitest'
import { paths, returnPath } from '../../web/paths.ts'

test('every page has its address', () => {
  const built = Object.entries({
    overview: paths.overview(),
    login: paths.login(),
    'login and return': paths.login({ from: '/servers?name=web' }),
    servers: paths.servers(),
    'servers, filtered': paths.servers({ name: 'a b', status: 'ERROR' }),
    serverCreate: paths.serverCreate(),
    'serverCreate of an image': paths.serverCreate({ image: '1' }),
    server: paths.server('1'),
    'server, a tab': paths.server('1', { tab: 'console' }),
    images: paths.images(),
    imageUpload: paths.imageUpload(),
    hosts: paths.hosts(),
    host: paths.host('a/b'),
    playground: paths.playground(),
  }).map(([name, path]) => `${name} ${path}`)
  expect(built).toMatchInlineSnapshot(`
    [
      "overview /",
      "login /login",
      "login and return /login?from=%2Fservers%3Fname%3Dweb",
      "servers /servers",
      "servers, filtered /servers?name=a+b&status=ERROR",
      "serverCreate /servers/new",
      "serverCreate of an image /servers/new?image=1",
      "server /servers/1",
      "server, a tab /servers/1?tab=console",
      "images /images",
      "imageUpload /images/new",
      "hosts /hosts",
      "host /hosts/a%2Fb",
      "playground /playground",
    ]
  `)
})

test('signing in returns to a page of the portal and nowhere else', () => {
  expect(returnPath('/servers/1?tab=console')).toBe('/servers/1?tab=console')
  for (const foreign of [
    null,
    '',
    'https://example.com/',
    '//example.com',
    '/\\example.com',
    'javascript:alert(1)',
    '/login?from=/login',
  ]) {
    expect(returnPath(foreign)).toBe('/')
  }
})
