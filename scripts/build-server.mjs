#!/usr/bin/env node
/**
 * Bundles the server, Prisma's generated client included, into dist/server/main.js. Packages stay
 * outside. Type-graphql takes the names of its types from those of the classes, so these are kept.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

try {
  await build({
    absWorkingDir: root,
    entryPoints: ['server/main.ts'],
    outfile: join(root, 'dist/server/main.js'),
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
