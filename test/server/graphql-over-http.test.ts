/** The audit suite of the `graphql-http` package: every audit, whatever its level. */
import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Shell, startShell } from '../support/http.ts'

let shell: Shell
beforeAll(async () => {
  shell = await startShell()
})
afterAll(() => shell.stop())

describe('GraphQL over HTTP', () => {
  const audits = serverAudits({ url: () => `${shell.url}/graphql` })

  it('has a suite to pass', () => expect(audits.length).toBeGreaterThan(60))

  for (const audit of audits) {
    it(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn()
      expect(result.status, 'reason' in result ? result.reason : '').toBe('ok')
    })
  }
})
