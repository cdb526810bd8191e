#!/usr/bin/env node
/**
 * Bundles the server, Prisma's generated client included, into dist/server/main.js, and the
 * administrator's command into dist/server/nepho.js. Packages stay outside. Type-graphql takes the
 * names of its types from those of the classes, so these are kept.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

try {
  await build({
    absWorkingDir: root,
    entryPoints: ['server/main.ts', 'server/nepho.ts'],
    outdir: join(root, 'dist/server'),
    tsconfig: 'tsconfig.json',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    keepNames: true,
    logLevel: 'warning',
  })
} catch {
  process.exitCode = 1 // esbuild has said what is wrong.
}
