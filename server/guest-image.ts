/** The first image: the guest that `scripts/` built, registered once as a public image. */
import { createReadStream } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Actor, Cloud } from '../services/context.ts'
import { newId } from '../services/id.ts'
import { administrators } from '../services/identity/administrators.ts'
import { imageCreate } from '../services/image/image.ts'
import { projectRoot } from './project-root.ts'
import { readWhole, writeWhole } from './whole-file.ts'

interface Manifest {
  name: string
  sha512: string
}

const TOKEN_TTL_SECONDS = 600

/** What was done, in words; null when there was nothing to do. Whoever deletes it does not get it again. */
export async function registerGuestImage(
  cloud: Cloud,
  apiUrl: string,
  dataDir: string,
): Promise<string | null> {
  const folder = join(projectRoot(), 'dist', 'guest-image')
  const manifestFile = join(folder, 'manifest.json')
  const text = readWhole(manifestFile)
  if (text === null) return null
  const manifest = JSON.parse(text) as Manifest
  const done = join(dataDir, 'guest-image')
  if (readWhole(done) === manifest.sha512) return null
  const { secret, actor } = await operatorToken(cloud)
  const ctx = { ...cloud, actor, requestId: newId(), address: null }
  const input = { name: manifest.name, diskFormat: 'QCOW2', visibility: 'PUBLIC' } as const
  // One that an earlier start did not bring to its end is taken up again.
  const begun = await cloud.db.image.findFirst({
    where: { projectId: actor.projectId ?? '', ...input, status: { not: 'ACTIVE' } },
  })
  const imageId = begun?.id ?? (await imageCreate(ctx, input)).imageId
  await put(`${apiUrl}/v1/images/${imageId}/file`, join(folder, 'nephograph-guest.qcow2'), secret)
  writeWhole(done, manifest.sha512)
  return `guest image registered: ${manifest.name}`
}

/** It takes the way of every upload, as the operator that runs the cloud. */
async function operatorToken(cloud: Cloud): Promise<{ secret: string; actor: Actor }> {
  const project = await cloud.db.project.findFirstOrThrow({ where: { operator: true } })
  const [administrator] = await administrators(cloud.db, null, 1)
  if (!administrator) throw new Error('nobody may administer the cloud')
  const user = await cloud.db.user.findUniqueOrThrow({ where: { id: administrator.id } })
  return cloud.tokens.issue(
    {
      userId: user.id,
      userName: user.name,
      userDomainId: user.domainId,
      projectId: project.id,
      projectName: project.name,
      projectDomainId: project.domainId,
      domainId: null,
      system: false,
      roles: ['admin', 'manager', 'member', 'reader'],
      operator: true,
      methods: [],
      applicationCredentialId: null,
      accessRules: null,
      trustId: null,
      trustorUserId: null,
    },
    cloud.now(),
    TOKEN_TTL_SECONDS,
  )
}

async function put(url: string, file: string, token: string): Promise<void> {
  const sending = request(url, { method: 'PUT', headers: { authorization: `Bearer ${token}` } })
  const answered = new Promise<number>((resolve, reject) => {
    sending.once('error', reject)
    sending.once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
  })
  await Promise.all([pipeline(createReadStream(file), sending), answered])
  const status = await answered
  if (status >= 300) throw new Error(`the guest image was refused with status ${status}`)
}
