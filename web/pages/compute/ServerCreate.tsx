import Button from '@cloudscape-design/components/button'
import Form from '@cloudscape-design/components/form'
import Grid from '@cloudscape-design/components/grid'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate, useSearchParams } from 'react-router'
import { useMutation, useQuery } from 'urql'
import { explain, fieldMessage, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useFollow } from '../../hooks/follow.ts'
import { useIdempotencyKey } from '../../hooks/idempotency.ts'
import {
  FlavorRow,
  type FlavorRowData,
  ImageChoice,
  type ImageChoiceData,
  ServerFields,
} from '../../parts/compute/ServerFields.tsx'
import { ServerPlan } from '../../parts/compute/ServerPlan.tsx'
import { ServerDetails } from '../../parts/compute/server-fields.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { paths } from '../../paths.ts'
import { submitsBy } from '../../ui/form.ts'
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
  const navigate = useNavigate()
  const follow = useFollow()
  const { show } = useFlash()
  const [params] = useSearchParams()
  const keyFor = useIdempotencyKey()
  const [{ fetching }, create] = useMutation(Create)
  const [form, setForm] = useState({
    name: '',
    flavorId: flavors[0]?.id ?? '',
    imageId: params.get('image') ?? (images.length === 1 ? (images[0]?.id ?? '') : ''),
  })
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isSent, setSent] = useState(false)

  async function submit(): Promise<void> {
    setSent(true)
    const input = { ...form, name: form.name.trim() }
    if (fetching || !input.name || !input.flavorId || !input.imageId) return
    setProblem(null)
    const { data, error } = await create({ input: { ...input, idempotencyKey: keyFor(input) } })
    if (error) return setProblem(explain(error))
    const id = data?.serverCreate.server?.id
    show({ type: 'success', header: t('launch.accepted', { name: input.name }) })
    await navigate(id ? paths.server(id) : paths.servers())
  }

  const isAtField = Object.keys(form).some((field) => fieldMessage(problem, field))
  return (
    <form onSubmit={submitsBy(submit)} aria-label={t('servers.launch')}>
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" href={paths.servers()} onFollow={follow}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" formAction="submit" loading={fetching}>
              {t('servers.launch')}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Grid gridDefinition={halves}>
            <ServerFields
              form={form}
              onChange={(next) => {
                setForm(next)
                setProblem(null)
              }}
              problem={problem}
              isSent={isSent}
              flavors={flavors}
              images={images}
            />
            <ServerPlan flavorId={form.flavorId} imageId={form.imageId} />
          </Grid>
          {problem && !isAtField && <ProblemAlert problem={problem} />}
        </SpaceBetween>
      </Form>
    </form>
  )
}
