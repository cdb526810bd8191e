/** Forms of what gives a server another size or another host. */
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { type TypedDocumentNode, useClient, useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { Loading } from '../../ui/Loading.tsx'
import { FlavorPicker } from './FlavorPicker.tsx'
import { FlavorRow } from './flavor-fields.ts'
import { useHostOptions } from './host-choice.ts'
import { PlanView } from './PlanView.tsx'
import { PlanRow } from './plan-fields.ts'
import { type ActionFormProps, ServerForm } from './ServerForm.tsx'
import {
  type OnServer,
  type OnServerInput,
  onServer,
  ServerEvacuateTo,
  ServerLiveMigrate,
  ServerMigrateTo,
  ServerResize,
} from './server-mutations.ts'
import { usePlan } from './use-plan.ts'

const flavorsMost = 200

const FlavorsQuery = graphql(
  `query ResizeFlavors($first: Int!) {
    flavors(first: $first, filter: { enabled: true }) { nodes { ...FlavorRow } }
  }`,
  [FlavorRow],
)

const ResizePlan = graphql(
  `mutation ServerResizePlan($input: ServerResizeInput!) {
    serverResize(input: $input) { plan { ...PlanRow } }
  }`,
  [PlanRow],
)

export function ResizeForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  const [{ data }] = useQuery({ query: FlavorsQuery, variables: { first: flavorsMost } })
  const { id } = server
  return (
    <ServerForm
      action="resize"
      server={server}
      onClose={onClose}
      isLarge
      fields={[
        {
          kind: 'select',
          name: 'flavorId',
          label: t('servers.flavor'),
          isRequired: true,
          missingText: t('launch.missing.flavorId'),
          options: [],
        },
      ]}
      content={({ values: { flavorId }, change }) => (
        <SpaceBetween size="l">
          {data ? (
            <FlavorPicker
              flavors={data.flavors.nodes}
              value={flavorId}
              onChange={(flavor) => change('flavorId', flavor)}
              present={server.flavor}
            />
          ) : (
            <Loading text={t('common.loading')} />
          )}
          <ResizePlanView serverId={id} flavorId={flavorId} />
        </SpaceBetween>
      )}
      mutation={ServerResize}
      input={({ flavorId }) => ({ id, flavorId })}
    >
      {t('servers.form.resizeText')}
    </ServerForm>
  )
}

function ResizePlanView({ serverId, flavorId }: { serverId: string; flavorId: string }) {
  const client = useClient()
  const choice = flavorId ? { id: serverId, flavorId } : null
  const planned = usePlan(choice, async () => {
    if (!choice) return {}
    const answer = await client.mutation(ResizePlan, { input: { ...choice, dryRun: true } })
    return { plan: answer.data?.serverResize.plan, error: answer.error }
  })
  return <PlanView {...planned} />
}

interface MoveFormProps extends ActionFormProps {
  action: 'migrate' | 'liveMigrate' | 'evacuate'
  mutation: TypedDocumentNode<object, { input: OnServerInput & { hostId: string } }>
  /** The same without a host, where that is another mutation: placement finds one. */
  otherwise?: OnServer
}

function MoveForm({ action, mutation, otherwise, server, onClose }: MoveFormProps) {
  const { t } = useTranslation()
  const hosts = useHostOptions(server.host ? [server.host.id] : [])
  const { id } = server
  return (
    <ServerForm
      action={action}
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'select',
          name: 'hostId',
          label: t('servers.form.host'),
          options: [{ value: '', label: t('servers.form.anyHost') }, ...hosts],
        },
      ]}
      mutation={mutation}
      otherwise={({ hostId }) => (hostId ? null : (otherwise ?? null))}
      input={({ hostId }) => (hostId ? { id, hostId } : { id }) as { id: string; hostId: string }}
    >
      {t(`servers.form.${action}Text`)}
    </ServerForm>
  )
}

const withoutHost = {
  migrate: onServer('serverMigrate'),
  evacuate: onServer('serverEvacuate'),
}

export const MigrateForm = (props: ActionFormProps) => (
  <MoveForm
    {...props}
    action="migrate"
    mutation={ServerMigrateTo}
    otherwise={withoutHost.migrate}
  />
)

export const LiveMigrateForm = (props: ActionFormProps) => (
  <MoveForm {...props} action="liveMigrate" mutation={ServerLiveMigrate} />
)

export const EvacuateForm = (props: ActionFormProps) => (
  <MoveForm
    {...props}
    action="evacuate"
    mutation={ServerEvacuateTo}
    otherwise={withoutHost.evacuate}
  />
)
