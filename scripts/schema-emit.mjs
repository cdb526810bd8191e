#!/usr/bin/env node
/**
 * Writes what is committed and made from the code: npm run schema. schema/schema.graphql, the contract
 * that clients and reviewers read, the default access rules in docs/policy.md, and docs/states.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadTypeScript } from './load-typescript.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const { apiText } = await loadTypeScript('resolvers/registry.ts')
writeFileSync(join(root, 'schema/schema.graphql'), await apiText())

const { withRules } = await loadTypeScript('services/access/rules-table.ts')
const policy = join(root, 'docs/policy.md')
writeFileSync(policy, withRules(readFileSync(policy, 'utf8')))

const { statesDocument } = await loadTypeScript('services/states-document.ts')
writeFileSync(join(root, 'docs/states.md'), statesDocument())
