#!/usr/bin/env node
/** Writes schema/schema.graphql, the contract that clients and reviewers read: npm run schema. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadTypeScript } from './load-typescript.mjs'

const { apiText } = await loadTypeScript('resolvers/registry.ts')
const file = join(fileURLToPath(new URL('..', import.meta.url)), 'schema/schema.graphql')
writeFileSync(file, await apiText())
