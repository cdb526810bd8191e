/** What guests are told about themselves: by the service, through a proxy that signs; and on the drive. */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AskingRate } from '../../server/asking-rate.ts'
import { METADATA_ASKING } from '../../server/metadata/routes.ts'
import { Secret } from '../../server/secret.ts'
import { configDriveOf } from '../../services/compute/config-drive.ts'
import { hostNameOf } from '../../services/compute/metadata.ts'
import { newId } from '../../services/id.ts'
import { seal, unseal } from '../../services/identity/sealed.ts'
import { newWorld, type Owned } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { statementsOf } from '../support/statements.ts'

const SECRET = 'a secret of proxies'
/** Of hosts that are in none. */
const ZONE = 'west'
const KEY = `ssh-ed25519 ${Buffer.alloc(51, 7).toString('base64')} mia@laptop`
const USER_DATA = '#!/bin/sh\necho ü\n'

let cloud: Cluster
let world: Owned

beforeAll(async () => {
  cloud = await startCluster({
    hosts: 0,
    config: {
      roles: ['api'],
      metadataSharedSecret: new Secret(SECRET),
      defaultAvailabilityZone: ZONE,
    },
  })
  const { db, sealKeys } = cloud.cloud
  const domain = await db.domain.findFirstOrThrow({ where: { name: 'Default' } })
  world = await newWorld(cloud.cloud, domain.id)
  await db.server.update({
    where: { id: world.serverId },
    data: {
      name: 'My_Web Server.1',
      metadata: { role: 'web' },
      keypairName: 'laptop',
      publicKey: KEY,
      userData: Buffer.from(USER_DATA).toString('base64'),
      configDrive: true,
      adminPassword: seal(sealKeys, 'Marked-S3cret'),
    },
  })
})
afterAll(() => cloud?.stop())

const sign = (id: string, secret = SECRET) => createHmac('sha256', secret).update(id).digest('hex')

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${cloud.url}/metadata-service${path}`, {
    method,
    headers: {
      'x-instance-id': world.serverId,
      'x-tenant-id': world.projectId,
      'x-instance-id-signature': sign(world.serverId),
      ...headers,
    },
  })
const text = async (path: string) => {
  const response = await ask(path)
  expect([path, response.status]).toEqual([path, 200])
  return response.text()
}

describe('the metadata service', () => {
  it('tells a guest what it is, in the layout of OpenStack', async () => {
    expect((await text('/openstack')).split('\n')).toContain('latest')
    expect((await text('/openstack/latest/')).split('\n').sort()).toEqual([
      'meta_data.json',
      'network_data.json',
      'password',
      'user_data',
      'vendor_data.json',
      'vendor_data2.json',
    ])
    expect(await text('/openstack/2012-08-10')).toBe('meta_data.json\nuser_data')
    const page = JSON.parse(await text('/openstack/latest/meta_data.json'))
    expect(page).toMatchObject({
      uuid: world.serverId,
      name: 'My_Web Server.1',
      hostname: 'my-web-server-1',
      launch_index: 0,
      availability_zone: ZONE,
      project_id: world.projectId,
      meta: { role: 'web' },
      public_keys: { laptop: `${KEY}\n` },
      keys: [{ name: 'laptop', type: 'ssh', data: `${KEY}\n` }],
    })
    expect(Buffer.from(page.random_seed, 'base64')).toHaveLength(512)
    expect(page).not.toHaveProperty('admin_pass')
    expect(await text('/openstack/latest/user_data')).toBe(USER_DATA)
    expect(await text('/openstack/2018-08-27/network_data.json')).toBe('{}')
    expect(await text('/openstack/latest/vendor_data2.json')).toBe('{}')
    expect(await text('/openstack/latest/password')).toBe('')
  })

  it('and in that of EC2', async () => {
    expect((await text('/')).split('\n')).toEqual(expect.arrayContaining(['1.0', 'latest']))
    expect(await text('/latest')).toBe('meta-data/\nuser-data')
    const names = (await text('/2009-04-04/meta-data/')).split('\n')
    expect(names).toEqual(expect.arrayContaining(['instance-id', 'placement/', 'public-keys/']))
    expect(await text('/latest/meta-data/instance-id')).toMatch(/^i-[0-9a-f]{17}$/)
    expect(await text('/latest/meta-data/hostname')).toBe('my-web-server-1')
    expect(await text('/latest/meta-data/instance-type')).toBe('m1.nano')
    expect(await text('/latest/meta-data/placement/availability-zone')).toBe(ZONE)
    expect(await text('/latest/meta-data/public-keys/')).toBe('0=laptop')
    expect(await text('/latest/meta-data/public-keys/0/openssh-key')).toBe(`${KEY}\n`)
    expect(await text('/latest/user-data')).toBe(USER_DATA)
  })

  it('has no other pages', async () => {
    for (const path of [
      '/x',
      '/openstack/2099-01-01',
      '/latest/meta-data/x',
      '/latest/user-data/x',
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 404])
    }
    expect((await ask('/latest/constructor')).status).toBe(404)
    expect((await ask(`/${'a'.repeat(600)}`)).status).toBe(404)
    expect((await ask('/%zz')).status).toBeGreaterThanOrEqual(400)
    expect((await ask('/latest', {}, 'POST')).status).toBe(405)
    expect((await ask('/latest', {}, 'HEAD')).status).toBe(200)
  })

  it('believes the proxy only, and tells nothing of other projects', async () => {
    const signature = sign(world.serverId, 'another secret')
    for (const wrong of [signature, '', sign(world.stoppedId), 'é'.repeat(32)]) {
      const header = Buffer.from(wrong).toString('latin1')
      const answer = await ask('/latest', { 'x-instance-id-signature': header })
      expect(answer.status).toBe(403)
    }
    expect((await ask('/latest', { 'x-tenant-id': newId() })).status).toBe(404)
    expect((await ask('/latest', { 'x-tenant-id': 'none' })).status).toBe(404)
    const unknown = newId()
    const headers = { 'x-instance-id': unknown, 'x-instance-id-signature': sign(unknown) }
    expect((await ask('/latest', headers)).status).toBe(404)
  })

  it('costs one statement', async () => {
    cloud.statements.texts = []
    await text('/openstack/latest/meta_data.json')
    expect(statementsOf(cloud)).toHaveLength(1)
  })

  it('knows the zone of the host', async () => {
    const { db, now } = cloud.cloud
    const times = { createdAt: now(), updatedAt: now() }
    const aggregate = await db.aggregate.create({
      data: {
        id: newId(),
        name: 'east',
        availabilityZone: 'east-1',
        hosts: { create: { hostId: world.hostId } },
        ...times,
      },
    })
    expect(await text('/latest/meta-data/placement/availability-zone')).toBe('east-1')
    await db.aggregate.delete({ where: { id: aggregate.id } })
  })

  it('lets no server ask without end', () => {
    let at = 0
    const rate = new AskingRate(METADATA_ASKING, () => at)
    const count = (id: string) => Array.from({ length: 200 }, () => rate.admits(id)).filter(Boolean)
    expect(count('a')).toHaveLength(100)
    expect(count('b')).toHaveLength(100)
    at += 1000
    expect(count('a')).toHaveLength(20)
  })
})

describe('without a shared secret', () => {
  it('there is no such service', async () => {
    const other = await startCluster({ hosts: 0, config: { roles: ['api'] } })
    try {
      const url = `${other.url}/metadata-service/latest/meta-data/`
      const response = await fetch(url, { headers: { 'x-instance-id': world.serverId } })
      expect(response.status).toBe(404)
    } finally {
      await other.stop()
    }
  })
})

describe('the config drive', () => {
  it('has the same, and the password', async () => {
    const { db, sealKeys } = cloud.cloud
    const c = { db, defaultZone: ZONE, unseal: (sealed: string) => unseal(sealKeys, sealed) }
    const files = await configDriveOf(c, world.serverId)
    const byPath = Object.fromEntries(
      (files ?? []).map((f) => [f.path, Buffer.from(f.content, 'base64').toString()]),
    )
    expect(Object.keys(byPath).sort()).toEqual([
      'ec2/latest/meta-data.json',
      'ec2/latest/user-data',
      'openstack/latest/meta_data.json',
      'openstack/latest/user_data',
      'openstack/latest/vendor_data.json',
      'openstack/latest/vendor_data2.json',
    ])
    const page = JSON.parse(byPath['openstack/latest/meta_data.json'] ?? '')
    expect(page).toMatchObject({ uuid: world.serverId, admin_pass: 'Marked-S3cret' })
    expect(byPath['openstack/latest/user_data']).toBe(USER_DATA)
    const ec2 = JSON.parse(byPath['ec2/latest/meta-data.json'] ?? '')
    expect(ec2['public-keys']).toEqual({ '0=laptop': { 'openssh-key': `${KEY}\n` } })
    expect(await configDriveOf(c, world.stoppedId)).toBeNull()
  })
})

it('a host name is what the domain name system takes', () => {
  expect(hostNameOf('Web Server_1.example')).toBe('web-server-1-example')
  expect(hostNameOf('Zoë')).toBe('zoe')
  expect(hostNameOf('--服务器--')).toBe('server')
  expect(hostNameOf('a'.repeat(80))).toHaveLength(63)
})
