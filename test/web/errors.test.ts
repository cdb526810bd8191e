import { CombinedError } from '@urql/core'
import { expect, test } from 'vitest'
import { explain, explainBody, fieldMessage, RefusedError } from '../../web/errors.ts'

const refused = (extensions: object) =>
  new CombinedError({ graphQLErrors: [{ message: 'No', extensions: { ...extensions } }] })

test('a refusal keeps its code, sentence, facts and request id', () => {
  const details = { resource: 'compute.cores', limit: 20, used: 16, requested: 8 }
  const error = refused({ code: 'QUOTA_EXCEEDED', details, requestId: 'r-1' })
  expect(explain(error)).toEqual({
    code: 'QUOTA_EXCEEDED',
    message: 'No',
    details,
    requestId: 'r-1',
  })
})

test('a cloud that does not answer is a problem of the network', () => {
  const error = new CombinedError({ networkError: new TypeError('Failed to fetch') })
  expect(explain(error)).toEqual({ code: 'NETWORK', message: 'Failed to fetch', details: {} })
})

test('anything else is a defect with the message it has', () => {
  expect(explain(new Error('odd'))).toMatchObject({ code: 'INTERNAL', message: 'odd' })
  expect(explain('odd')).toMatchObject({ code: 'INTERNAL', message: 'odd' })
  expect(explain(refused({}))).toMatchObject({ code: 'INTERNAL', details: {} })
})

test('the data plane refuses in the same words', () => {
  const said = { code: 'IMAGE_INVALID', message: 'It has a backing file', requestId: 'r-2' }
  const problem = { ...said, details: {} }
  const asGraphQL = { errors: [{ message: said.message, extensions: said }] }
  for (const body of [said, { error: said }, asGraphQL]) {
    expect(explainBody(422, JSON.stringify(body))).toEqual(problem)
  }
  expect(explain(new RefusedError(problem))).toBe(problem)
  expect(explainBody(502, '<html>Bad gateway</html>')).toMatchObject({ code: 'INTERNAL' })
  expect(explainBody(500, '').message).toBe('HTTP 500')
})

test('what is wrong with a field is said at the field', () => {
  const fields = [
    { path: 'input.name', message: 'too long' },
    { path: 'name', message: 'and odd' },
    { path: 'input.flavorId', message: 'too small' },
  ]
  const problem = explain(refused({ code: 'BAD_INPUT', details: { fields } }))
  expect(fieldMessage(problem, 'name')).toBe('too long and odd')
  expect(fieldMessage(problem, 'flavorId')).toBe('too small')
  expect(fieldMessage(problem, 'imageId')).toBeUndefined()
  expect(fieldMessage(null, 'name')).toBeUndefined()
})
