import Grid from '@cloudscape-design/components/grid'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { useNavigate, useSearchParams } from 'react-router'
import { useClient, useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { word } from '../../i18n/words.ts'
import { FlavorRow } from '../../parts/compute/flavor-fields.ts'
import { useHostOptions } from '../../parts/compute/host-choice.ts'
import { ImageChoice, ServerFields } from '../../parts/compute/ServerFields.tsx'
import { ServerPlan } from '../../parts/compute/ServerPlan.tsx'
import { ServerDetails, ServerRow } from '../../parts/compute/server-fields.ts'
import {
  type NewServer,
  newServerCount,
  newServerFields,
  newServerInput,
} from '../../parts/compute/server-new.ts'
import { FormFrame } from '../../parts/form/FormFrame.tsx'
import { useForm } from '../../parts/form/use-form.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { may, useViewer } from '../../parts/viewer.ts'
import { paths } from '../../paths.ts'
import { Loading } from '../../ui/Loading.tsx'
import { Page } from '../../ui/Page.tsx'

/**
 * The API gives at most so many at once; who has more finds the rest by filtering (not built yet).
 */
const choicesMost = 200

/** The form, and beside it what would come of it. */
const halves = [{ colspan: { default: 12, m: 8 } }, { colspan: { default: 12, m: 4 } }]

const Choices = graphql(
  `query ServerChoices($first: Int!, $userId: ID!) {
    flavors(first: $first, filter: { enabled: true }) { nodes { ...FlavorRow } }
    images(first: $first, filter: { status: [ACTIVE] }) { nodes { ...ImageChoice } }
    keypairs(first: $first, filter: { userId: $userId }) { nodes { id name } }
    availabilityZones { name available }
    serverGroups(first: $first) { nodes { id name policy } }
    servers(first: $first) { nodes { id name status } }
  }`,
  [FlavorRow, ImageChoice],
)

type ChoicesData = ResultOf<typeof Choices>

const Create = graphql(
  `mutation ServerCreate($input: ServerCreateInput!) {
    serverCreate(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

const CreateMany = graphql(
  `mutation ServersCreate($input: ServersCreateInput!) {
    serversCreate(input: $input) { servers { ...ServerRow } }
  }`,
  [ServerRow],
)

export function ServerCreate() {
  const { t } = useTranslation()
  const { user } = useViewer()
  const variables = { first: choicesMost, userId: user.id }
  const [{ data, error }, reread] = useQuery({ query: Choices, variables })
  const trail = [{ text: t('servers.title'), href: paths.servers() }]
  return (
    <Page title={t('servers.launch')} description={t('launch.description')} trail={trail}>
      {data ? (
        <CreateForm choices={data} />
      ) : error ? (
        <ProblemAlert
          problem={explain(error)}
          onRetry={() => reread({ requestPolicy: 'network-only' })}
        />
      ) : (
        <Loading text={t('common.loading')} />
      )}
    </Page>
  )
}

function CreateForm({ choices }: { choices: ChoicesData }) {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const create = useCreate()
  const viewer = useViewer()
  const maySayHost = may(viewer, 'compute.server.create-on-host')
  const hosts = useHostOptions([], !maySayHost)
  const [flavors, images] = [choices.flavors.nodes, choices.images.nodes]
  const onlyImage = images.length === 1 ? images[0]?.id : undefined
  const fields = newServerFields(t, {
    firstImage: params.get('image') ?? onlyImage,
    firstFlavor: flavors[0]?.id,
    keypairs: choices.keypairs.nodes.map(({ name }) => ({ value: name, label: name })),
    zones: choices.availabilityZones
      .filter(({ available }) => available)
      .map(({ name }) => ({ value: name, label: name })),
    groups: choices.serverGroups.nodes.map(({ id, name, policy }) => ({
      value: id,
      label: name,
      description: word('groupPolicy', policy),
    })),
    servers: choices.servers.nodes.map(({ id, name, status }) => ({
      value: id,
      label: name,
      description: word('serverStatus', status),
    })),
    hosts,
  })
  const form = useForm(fields, create)
  return (
    <FormFrame form={form} submitText={t('servers.launch')} cancelHref={paths.servers()}>
      <Grid gridDefinition={halves}>
        <ServerFields form={form} flavors={flavors} images={images} maySayHost={maySayHost} />
        <ServerPlan values={form.values} />
      </Grid>
    </FormFrame>
  )
}

/** One server leads to its page, several to the list. */
function useCreate(): (values: NewServer, idempotencyKey: string) => Promise<void> {
  const { t } = useTranslation()
  const client = useClient()
  const navigate = useNavigate()
  const { show } = useFlash()
  return async (values, idempotencyKey) => {
    const input = { ...newServerInput(values), idempotencyKey }
    const counts = newServerCount(values)
    const { count } = counts
    if (count === 1) {
      const { data, error } = await client.mutation(Create, { input })
      if (error) throw error
      show({ type: 'success', header: t('launch.accepted', { name: input.name }) })
      const server = data?.serverCreate.server
      await navigate(server ? paths.server(server.id) : paths.servers())
    } else {
      const { data, error } = await client.mutation(CreateMany, { input: { ...input, ...counts } })
      if (error) throw error
      // With a least number they may be fewer than were asked for.
      const made = data?.serversCreate.servers.length ?? count
      show({ type: 'success', header: t('launch.acceptedMany', { count: made }) })
      await navigate(paths.servers())
    }
  }
}
