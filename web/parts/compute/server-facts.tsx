import type { KeyValuePairsProps } from '@cloudscape-design/components/key-value-pairs'
import type { TFunction } from 'i18next'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { CopyId } from '../../ui/CopyId.tsx'
import { formatMiB } from '../../ui/format.ts'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'
import { ServerStatus } from '../Status.tsx'
import { diskInWords } from './flavor-columns.tsx'
import type { ServerDetailsData } from './server-fields.ts'

/** What a server is and where it runs. */
export function serverFacts(t: TFunction, server: ServerDetailsData): KeyValuePairsProps.Item[] {
  const { flavor, host } = server
  const size = t('flavors.full', {
    vcpus: flavor.vcpus,
    memory: formatMiB(flavor.memoryMiB),
    disk: diskInWords(t, flavor.diskGiB),
  })
  return [
    { label: t('common.status'), value: <ServerStatus server={server} /> },
    { label: t('servers.powerState'), value: word('powerState', server.powerState) },
    { label: t('common.id'), value: <CopyId id={server.id} /> },
    { label: t('servers.flavor'), value: `${flavor.name} (${size})` },
    { label: t('servers.image'), value: server.image?.name ?? '–' },
    {
      label: t('servers.host'),
      value: host ? <PageLink href={paths.host(host.id)}>{host.name}</PageLink> : '–',
    },
    { label: t('servers.zone'), value: server.availabilityZone ?? '–' },
    { label: t('groupsOfServers.one'), value: server.group?.name ?? '–' },
    { label: t('servers.keypair'), value: server.keypairName ?? '–' },
    { label: t('launch.tags'), value: server.tags.join(', ') || '–' },
    { label: t('common.description'), value: server.description || '–' },
    { label: t('shell.project'), value: server.project.name },
    { label: t('common.created'), value: <Moment at={server.createdAt} /> },
    { label: t('servers.launched'), value: <Moment at={server.launchedAt} /> },
  ]
}
