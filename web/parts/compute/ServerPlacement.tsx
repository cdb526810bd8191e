import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { Empty } from '../../ui/Empty.tsx'
import { Loading } from '../../ui/Loading.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { PlacementDetails, PlacementView } from './PlacementView.tsx'

/** What was placed last is among the newest tasks. */
const tasksLookedAt = 20

const PlacementQuery = graphql(
  `query ServerPlacement($id: ID!, $first: Int!) {
    server(id: $id) {
      id
      tasks(first: $first) { nodes { id placement { ...PlacementDetails } } }
    }
  }`,
  [PlacementDetails],
)

/** How a server came to where it is. */
export function ServerPlacement({ serverId }: { serverId: string }) {
  const { t } = useTranslation()
  const variables = { id: serverId, first: tasksLookedAt }
  const [{ data, error }] = useQuery({ query: PlacementQuery, variables })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  if (!data) return <Loading text={t('common.loading')} />
  const task = data.server?.tasks.nodes.find(({ placement }) => placement)
  if (!task?.placement) {
    return <Empty title={t('placement.none')} text={t('placement.noneText')} />
  }
  return <PlacementView placement={task.placement} description={t('placement.lastText')} />
}
