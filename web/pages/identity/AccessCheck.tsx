/** Why not? What a rule says to the viewer about a target, and who else may. */
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useListView } from '../../hooks/list-view.ts'
import { word } from '../../i18n/words.ts'
import { useProjectChoice } from '../../parts/identity/choices.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { may, useViewer } from '../../parts/viewer.ts'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { Page } from '../../ui/Page.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

const RulesQuery = graphql(`
  query PolicyRules { policyRules { name description check overridden } }
`)

const ExplainQuery = graphql(`
  query PolicyExplain($action: String!, $target: PolicyTargetInput) {
    policyExplain(action: $action, target: $target) { action allowed rule reason }
  }
`)

const WhoQuery = graphql(`
  query PolicyWho($action: String!, $projectId: ID) {
    policyWho(action: $action, projectId: $projectId, first: 50) {
      nodes { user { id name } roles scope reason }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

export function AccessCheck() {
  const { t } = useTranslation()
  const view = useListView()
  const viewer = useViewer()
  const projects = useProjectChoice()
  const [{ data }] = useQuery({ query: RulesQuery })
  const action = view.get('action')
  const projectId = view.get('project')
  const actions = (data?.policyRules ?? []).map(({ name, description }) => ({
    value: name,
    label: name,
    description,
  }))
  const places = [{ value: '', label: t('check.ownScope') }, ...projects.options]
  return (
    <Page title={t('check.title')} description={t('check.description')}>
      <SpaceBetween size="l">
        <Container>
          <SpaceBetween size="m">
            <FormField label={t('history.action')}>
              <Select
                options={actions}
                selectedOption={action ? { value: action, label: action } : null}
                filteringType="auto"
                placeholder={t('form.choose')}
                empty={t('form.nothing')}
                onChange={({ detail }) => view.set('action', detail.selectedOption.value ?? '')}
              />
            </FormField>
            <FormField label={t('check.target')}>
              <Select
                options={places}
                selectedOption={
                  places.find(({ value }) => value === projectId) ?? {
                    value: projectId,
                    label: projectId,
                  }
                }
                filteringType="manual"
                onLoadItems={({ detail }) => projects.onSearch(detail.filteringText)}
                onChange={({ detail }) => view.set('project', detail.selectedOption.value ?? '')}
              />
            </FormField>
          </SpaceBetween>
        </Container>
        {action && <Decision action={action} projectId={projectId || null} />}
        {action && may(viewer, 'identity.policy.who') && (
          <Holders action={action} projectId={projectId || null} />
        )}
      </SpaceBetween>
    </Page>
  )
}

interface QuestionProps {
  action: string
  projectId: string | null
}

function Decision({ action, projectId }: QuestionProps) {
  const { t } = useTranslation()
  const target = projectId ? { projectId } : null
  const [{ data, error }] = useQuery({ query: ExplainQuery, variables: { action, target } })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  const decision = data?.policyExplain
  if (!decision) return null
  return (
    <Alert
      type={decision.allowed ? 'success' : 'warning'}
      header={decision.allowed ? t('check.allowed') : t('check.refused')}
    >
      <div>{decision.reason}</div>
      <Box fontSize="body-s" color="inherit">
        <code className="secret">{decision.rule}</code>
      </Box>
    </Alert>
  )
}

function Holders({ action, projectId }: QuestionProps) {
  const { t } = useTranslation()
  const [{ data, error, fetching }] = useQuery({
    query: WhoQuery,
    variables: { action, projectId },
  })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  return (
    <Table
      variant="container"
      items={data?.policyWho.nodes ?? []}
      loading={fetching && !data}
      loadingText={t('common.loading')}
      ariaLabels={{ tableLabel: t('check.who') }}
      wrapLines
      header={<Box variant="h2">{t('check.who')}</Box>}
      columnDefinitions={[
        {
          id: 'user',
          header: t('access.user'),
          isRowHeader: true,
          cell: ({ user }) => <PageLink href={paths.user(user.id)}>{user.name}</PageLink>,
        },
        {
          id: 'roles',
          header: t('nav.roles'),
          cell: ({ roles }) => roles.map((role) => word('role', role)).join(', '),
        },
        { id: 'scope', header: t('access.place'), cell: (row) => word('policyScope', row.scope) },
        { id: 'reason', header: t('check.reason'), minWidth: 280, cell: ({ reason }) => reason },
      ]}
      empty={<Empty title={t('check.nobody')} />}
    />
  )
}
