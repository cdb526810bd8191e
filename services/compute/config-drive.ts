/**
 * The config drive: a disk labelled `config-2` on which a guest finds what the metadata service would
 * tell it, and the administrator's password. Layout of Nova's drives, `latest` only: whoever reads a
 * drive takes the newest that it knows.
 *
 * There is no network_data.json: without a port nothing could stand in it, and its absence is what makes
 * cloud-init ask by DHCP.
 */
import type { Db, Tx } from '../context.ts'
import {
  ec2Metadata,
  type MetadataSource,
  metadataSource,
  openstackMetadata,
  userDataOf,
} from './metadata.ts'

/** `path` has no leading slash; `content` is base64. */
export interface ConfigFile {
  path: string
  content: string
}

interface DriveContext {
  db: Db | Tx
  /** Where hosts are that no aggregate puts into a zone. */
  defaultZone: string
  /** Opens the password of the server's row. */
  unseal(sealed: string): string
}

/** The files of a server's drive; null when it has none. */
export async function configDriveOf(
  c: DriveContext,
  serverId: string,
): Promise<ConfigFile[] | null> {
  const source = await metadataSource(c, serverId)
  if (!source?.configDrive) return null
  return configFiles(source, source.adminPassword === null ? null : c.unseal(source.adminPassword))
}

/**
 * The files of a config drive, by Nova's paths; their content in base64. The password in the clear
 * is in them and nowhere else.
 */
export function configFiles(source: MetadataSource, adminPassword: string | null): ConfigFile[] {
  const userData = userDataOf(source)
  const json = (value: object) => Buffer.from(JSON.stringify(value))
  const files: [path: string, content: Buffer | null][] = [
    ['openstack/latest/meta_data.json', json(openstackMetadata(source, adminPassword))],
    ['openstack/latest/user_data', userData],
    ['openstack/latest/vendor_data.json', json({})],
    ['openstack/latest/vendor_data2.json', json({})],
    ['ec2/latest/meta-data.json', json(ec2Metadata(source))],
    ['ec2/latest/user-data', userData],
  ]
  return files.flatMap(([path, content]) =>
    content ? [{ path, content: content.toString('base64') }] : [],
  )
}
