/** A request with a key that carried a 64-bit number, such as what a host keeps back, failed inside. */
import { expect, it } from 'vitest'
import { argumentsHash } from '../../services/core/idempotency.ts'

const key = new Uint8Array(32)
const hashOf = (reserved: bigint) =>
  argumentsHash(key, null, { id: 'h', inventory: [{ resource: 'VCPU', reserved }] })

it('big numbers have a part in what a key is good for', () => {
  expect(hashOf(2n)).toBe(hashOf(2n))
  expect(hashOf(2n)).not.toBe(hashOf(3n))
})

it('neither the order of fields nor what is left out has, also inside of lists', () => {
  const [a, b] = [
    { x: 1, y: 2 },
    { y: 2, z: null, x: 1 },
  ]
  expect(argumentsHash(key, 's', { list: [a] })).toBe(argumentsHash(key, 's', { list: [b] }))
  expect(argumentsHash(key, 's', { list: [a, b] })).not.toBe(argumentsHash(key, 's', { list: [a] }))
})
