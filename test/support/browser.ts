/** A real browser for the tests of the portal, and why there is none. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { projectRoot } from '../../server/project-root.ts'

const CHROMIUM = '/usr/bin/chromium'

/** The portal as it is served. */
export const webDir = join(projectRoot(), 'dist', 'web')

export const browserProblem = existsSync(CHROMIUM)
  ? null
  : `no browser (${CHROMIUM}, Debian package chromium)`

export const portalProblem =
  browserProblem ??
  (existsSync(join(webDir, 'index.html'))
    ? null
    : 'the portal is not built: node scripts/prepare.mjs --for test')

/** It asks nobody but the page's own server. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-sync',
]

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: QUIET })
