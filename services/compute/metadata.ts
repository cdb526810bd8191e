/**
 * What a guest is told about itself, from its server's row as it is now: the pages of OpenStack's
 * metadata service and of EC2's, and the facts that the config drive (config-drive.ts) is made of.
 *
 * Names, versions and layout are those of Nova (nova/api/metadata/base.py), so that cloud-init and its
 * kin find what they look for. The administrator's password is in the config drive only.
 */

import { randomBytes } from 'node:crypto'
import { everywhere } from '../cells/cells.ts'
import type { Db, Tx } from '../context.ts'

/** One server, in one statement. */
export interface MetadataSource {
  id: string
  name: string
  projectId: string
  userId: string
  flavor: string
  imageId: string | null
  metadata: Record<string, string>
  keypairName: string | null
  publicKey: string | null
  /** Base64. */
  userData: string | null
  configDrive: boolean
  /** Sealed. */
  adminPassword: string | null
  /** The zone of its host; before it has one, the zone that was asked for. */
  zone: string
  createdAt: Date
}

const SEED_BYTES = 512

/**
 * `defaultZone` is where hosts are that no aggregate puts into a zone. Null: there is no such server
 * (in this project, when one is given).
 */
export async function metadataSource(
  { db, defaultZone }: { db: Db | Tx; defaultZone: string },
  id: string,
  projectId: string | null = null,
): Promise<MetadataSource | null> {
  const [row] = await everywhere(
    db,
    (one) => one.$queryRaw<MetadataSource[]>`
    select s.id, s.name, s.project_id as "projectId", s.user_id as "userId", f.name as flavor,
           s.image_id as "imageId", s.metadata, s.keypair_name as "keypairName",
           s.public_key as "publicKey", s.user_data as "userData", s.config_drive as "configDrive",
           s.admin_password as "adminPassword", s.created_at as "createdAt",
           coalesce(
             (select a.availability_zone from compute.aggregate_host h
              join compute.aggregate a on a.id = h.aggregate_id
              where h.host_id = s.host_id and a.availability_zone is not null limit 1),
             s.availability_zone, ${defaultZone}) as zone
    from compute.server s join compute.flavor f on f.id = s.flavor_id
    where s.id = ${id}::uuid and (${projectId}::uuid is null or s.project_id = ${projectId}::uuid)`,
  )
  return row ?? null
}

/** A name as the domain name system takes it: Nova's rule. */
export function hostNameOf(name: string): string {
  const clean = name
    .normalize('NFKD')
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^A-Za-z0-9-]/g, '')
    .toLowerCase()
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replaceAll(/-+$/g, '')
  return clean || 'server'
}

/** EC2 has ids of its own form; of the server's random bits, so that it is always the same. */
export const ec2Id = (id: string): string => `i-${id.replaceAll('-', '').slice(-17)}`

/** openstack/<version>/meta_data.json */
export function openstackMetadata(
  source: MetadataSource,
  adminPassword: string | null = null,
): Record<string, unknown> {
  const { id, name, metadata, keypairName, publicKey, projectId, zone } = source
  const key = publicKey === null ? null : { name: keypairName ?? 'key', data: `${publicKey}\n` }
  return {
    // Before the rest: readers without a parser of JSON take the last thing of a name.
    ...(Object.keys(metadata).length > 0 && { meta: metadata }),
    uuid: id,
    name,
    hostname: hostNameOf(name),
    launch_index: 0,
    availability_zone: zone,
    project_id: projectId,
    random_seed: randomBytes(SEED_BYTES).toString('base64'),
    devices: [],
    dedicated_cpus: [],
    ...(key && { public_keys: { [key.name]: key.data }, keys: [{ ...key, type: 'ssh' }] }),
    ...(adminPassword !== null && { admin_pass: adminPassword }),
  }
}

/** A page is text, or the names of what is below it. */
type Page = string | Buffer | Folder
interface Folder {
  [name: string]: Page
}

const OPENSTACK_VERSIONS = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
]
const EC2_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
]
/** Since when there is what; `latest` is after all of them. */
const SINCE = {
  password: '2013-04-04',
  vendorData: '2013-10-17',
  networkData: '2015-10-15',
  vendorData2: '2016-10-06',
}

export const userDataOf = ({ userData }: MetadataSource): Buffer | null =>
  userData === null ? null : Buffer.from(userData, 'base64')

/** What cloud-init takes for "nothing is said": it asks for addresses by DHCP then, as it shall. */
export const NO_NETWORK_DATA = '{}'

function openstackFolder(source: MetadataSource, version: string): Folder {
  const userData = userDataOf(source)
  return {
    'meta_data.json': JSON.stringify(openstackMetadata(source)),
    ...(userData && { user_data: userData }),
    ...(version >= SINCE.password && { password: '' }),
    ...(version >= SINCE.vendorData && { 'vendor_data.json': '{}' }),
    ...(version >= SINCE.networkData && { 'network_data.json': NO_NETWORK_DATA }),
    ...(version >= SINCE.vendorData2 && { 'vendor_data2.json': '{}' }),
  }
}

/** <version>/meta-data/ */
export function ec2Metadata(source: MetadataSource): Folder {
  const { id, name, flavor, keypairName, publicKey, zone, imageId } = source
  const host = hostNameOf(name)
  return {
    'ami-id': imageId ? `ami-${imageId.replaceAll('-', '').slice(-17)}` : '',
    'ami-launch-index': '0',
    'ami-manifest-path': '(unknown)',
    'block-device-mapping': { ami: 'vda', root: '/dev/vda' },
    hostname: host,
    'instance-action': 'none',
    'instance-id': ec2Id(id),
    'instance-type': flavor,
    'local-hostname': host,
    'local-ipv4': '',
    placement: { 'availability-zone': zone },
    'public-hostname': host,
    'public-ipv4': '',
    ...(publicKey !== null && {
      'public-keys': { [`0=${keypairName ?? 'key'}`]: { 'openssh-key': `${publicKey}\n` } },
    }),
    'reservation-id': `r-${id.replaceAll('-', '').slice(-17)}`,
    'security-groups': '',
  }
}

function ec2Folder(source: MetadataSource): Folder {
  const userData = userDataOf(source)
  return { 'meta-data': ec2Metadata(source), ...(userData && { 'user-data': userData }) }
}

/** The page at a path below 169.254.169.254; null: there is none. Folders are lists of names. */
export function metadataPage(source: MetadataSource, path: string): string | Buffer | null {
  const parts = path.split('/').filter((part) => part !== '')
  const [first, ...rest] = parts
  if (first === undefined) return [...EC2_VERSIONS, ''].join('\n').trimEnd()
  if (first === 'openstack') {
    const [version, ...below] = rest
    if (version === undefined) return OPENSTACK_VERSIONS.join('\n')
    return OPENSTACK_VERSIONS.includes(version)
      ? pageAt(openstackFolder(source, version), below)
      : null
  }
  return EC2_VERSIONS.includes(first) ? pageAt(ec2Folder(source), rest) : null
}

/** EC2 lists a key as `0=name` and shows it at `0/`. */
function pageAt(folder: Folder, parts: string[]): string | Buffer | null {
  let page: Page = folder
  for (const part of parts) {
    if (typeof page === 'string' || Buffer.isBuffer(page)) return null
    const below: Folder = page
    const name = Object.keys(below).find((known) => known === part || known.split('=')[0] === part)
    if (name === undefined) return null
    page = below[name] as Page
  }
  if (typeof page === 'string' || Buffer.isBuffer(page)) return page
  return listOf(page)
}

const listOf = (folder: Folder): string =>
  Object.entries(folder)
    .map(([name, page]) =>
      typeof page === 'string' || Buffer.isBuffer(page) || name.includes('=') ? name : `${name}/`,
    )
    .join('\n')
