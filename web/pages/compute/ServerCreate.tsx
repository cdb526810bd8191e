import Grid from '@cloudscape-design/components/grid'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import {
  FlavorRow,
  type FlavorRowData,
  ImageChoice,
  type ImageChoiceData,
  ServerFields,
  type ServerForm,
} from '../../parts/compute/ServerFields.tsx'
import { ServerPlan } from '../../parts/compute/ServerPlan.tsx'
import { ServerDetails } from '../../parts/compute/server-fields.ts'
import { FormFrame } from '../../parts/form/FormFrame.tsx'
import { useMutationForm } from '../../parts/form/use-mutation-form.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
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
  `query ServerChoices($first: Int!) {
    flavors(first: $first) { nodes { ...FlavorRow } }
    images(first: $first, filter: { status: [ACTIVE] }) { nodes { ...ImageChoice } }
  }`,
  [FlavorRow, ImageChoice],
)

const Create = graphql(
  `mutation ServerCreate($input: ServerCreateInput!) {
    serverCreate(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export function ServerCreate() {
  const { t } = useTranslation()
  const [{ data, error }, reread] = useQuery({
    query: Choices,
    variables: { first: choicesMost },
  })
  const trail = [{ text: t('servers.title'), href: paths.servers() }]
  return (
    <Page title={t('servers.launch')} description={t('launch.description')} trail={trail}>
      {data ? (
        <CreateForm flavors={data.flavors.nodes} images={data.images.nodes} />
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

interface CreateFormProps {
  flavors: readonly FlavorRowData[]
  images: readonly ImageChoiceData[]
}

function CreateForm({ flavors, images }: CreateFormProps) {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const onlyImage = images.length === 1 ? images[0]?.id : undefined
  const required = (name: keyof ServerForm) =>
    ({ isRequired: true, missingText: t(`launch.missing.${name}`) }) as const
  const form = useMutationForm({
    fields: [
      { kind: 'text', name: 'name', label: t('common.name'), ...required('name') },
      {
        kind: 'select',
        name: 'imageId',
        label: t('servers.image'),
        first: params.get('image') ?? onlyImage,
        options: [],
        ...required('imageId'),
      },
      {
        kind: 'select',
        name: 'flavorId',
        label: t('servers.flavor'),
        first: flavors[0]?.id,
        options: [],
        ...required('flavorId'),
      },
    ],
    mutation: Create,
    input: (values) => values,
    onDone: ({ serverCreate: { server } }, { name }) => ({
      header: t('launch.accepted', { name }),
      to: server ? paths.server(server.id) : paths.servers(),
    }),
  })
  const { flavorId, imageId } = form.values
  return (
    <FormFrame form={form} submitText={t('servers.launch')} cancelHref={paths.servers()}>
      <Grid gridDefinition={halves}>
        <ServerFields form={form} flavors={flavors} images={images} />
        <ServerPlan flavorId={flavorId} imageId={imageId} />
      </Grid>
    </FormFrame>
  )
}
