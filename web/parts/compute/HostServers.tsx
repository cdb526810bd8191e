/** The servers of a host, of whichever project, and what would become of each if it died now. */
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { paths } from '../../paths.ts'
import { formatMiB } from '../../ui/format.ts'
import { createdColumn, nameColumn, textColumn } from '../columns.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { ServerStatus } from '../Status.tsx'
import { SubList } from '../SubList.tsx'
import { HostFailurePlanQuery } from './host-fields.ts'
import { PlannedMoves } from './PlannedMoves.tsx'

const OnHost = graphql(`
  fragment ServerOnHost on Server {
    id name status taskState locked createdAt
    flavor { id name vcpus memoryMiB }
    project { id name }
  }
`)

const ServersOfHost = graphql(
  `query ServersOfHost($hostId: ID!, $first: Int!, $after: String) {
    servers(allProjects: true, first: $first, after: $after, filter: { hostId: $hostId }) {
      nodes { ...ServerOnHost }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [OnHost],
)

type Row = ResultOf<typeof OnHost>

export function HostServers({ hostId }: { hostId: string }) {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="l">
      <SubList
        title={t('servers.title')}
        query={ServersOfHost}
        variables={{ hostId }}
        rows={({ servers }) => servers}
        columns={[
          nameColumn<Row>(t, paths.server),
          {
            id: 'status',
            header: t('common.status'),
            hasDynamicContent: true,
            cell: (server) => <ServerStatus server={server} />,
          },
          textColumn<Row>('project', t('shell.project'), ({ project }) => project.name),
          textColumn<Row>(
            'flavor',
            t('servers.flavor'),
            ({ flavor: { name, vcpus, memoryMiB } }) =>
              `${name} (${t('flavors.brief', { vcpus, memory: formatMiB(memoryMiB) })})`,
          ),
          createdColumn<Row>(t),
        ]}
        noneText={t('hosts.noServers')}
      />
      <FailurePlan hostId={hostId} />
    </SpaceBetween>
  )
}

function FailurePlan({ hostId }: { hostId: string }) {
  const { t } = useTranslation()
  const [{ data, error }] = useQuery({ query: HostFailurePlanQuery, variables: { id: hostId } })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  const plan = data?.hostFailurePlan
  return (
    <PlannedMoves
      title={t('hosts.failurePlan')}
      description={plan ? t('hosts.failure', { fit: plan.fit, lost: plan.lost }) : undefined}
      moves={plan?.moves ?? []}
      isLoading={!data}
    />
  )
}
