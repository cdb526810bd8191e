/** The first rows of a cloud. Running it again adds what is missing and changes nothing else. */
import type { Cloud } from '../context.ts'
import { newId } from '../id.ts'
import { hashPassword } from './password.ts'
import { quotaDefaults } from './quota.ts'

export const DEFAULT_DOMAIN = 'Default'
export const ADMIN_PROJECT = 'admin'
export const ADMIN_USER = 'admin'

const implications = [
  ['admin', 'member'],
  ['member', 'reader'],
] as const

/** Projects of the first cloud; the operator's has no limits. */
const projects = [
  { name: ADMIN_PROJECT, operator: true },
  { name: 'demo', operator: false },
]

export async function identityBootstrap(
  cloud: Pick<Cloud, 'db' | 'now'>,
  adminPassword: string,
): Promise<{ adminProjectId: string; adminUserId: string }> {
  const at = cloud.now()
  const times = { createdAt: at, updatedAt: at }
  const { db } = cloud
  const domain = await db.domain.upsert({
    where: { name: DEFAULT_DOMAIN },
    update: {},
    create: { id: newId(), name: DEFAULT_DOMAIN, ...times },
  })
  const roleIds = new Map<string, string>()
  for (const name of ['admin', 'member', 'reader']) {
    const role = await db.role.upsert({
      where: { name },
      update: {},
      create: { id: newId(), name },
    })
    roleIds.set(name, role.id)
  }
  const roleId = (name: string): string => roleIds.get(name) ?? ''
  await db.roleImplication.createMany({
    data: implications.map(([prior, implied]) => ({
      priorRoleId: roleId(prior),
      impliedRoleId: roleId(implied),
    })),
    skipDuplicates: true,
  })
  const domainId_name = { domainId: domain.id, name: ADMIN_USER }
  const user =
    (await db.user.findUnique({ where: { domainId_name } })) ??
    (await db.user.create({
      data: {
        id: newId(),
        ...domainId_name,
        passwordHash: await hashPassword(adminPassword),
        ...times,
      },
    }))
  let adminProjectId = ''
  for (const { name, operator } of projects) {
    const project = await db.project.upsert({
      where: { domainId_name: { domainId: domain.id, name } },
      update: {},
      create: { id: newId(), domainId: domain.id, name, operator, ...times },
    })
    if (operator) adminProjectId = project.id
    await db.quota.createMany({
      data: Object.entries(quotaDefaults).map(([resource, limit]) => ({
        projectId: project.id,
        resource,
        limit: operator ? -1 : limit,
      })),
      skipDuplicates: true,
    })
    await db.roleAssignment.createMany({
      data: [
        {
          id: newId(),
          roleId: roleId('admin'),
          userId: user.id,
          projectId: project.id,
          createdAt: at,
        },
      ],
      skipDuplicates: true,
    })
  }
  return { adminProjectId, adminUserId: user.id }
}
