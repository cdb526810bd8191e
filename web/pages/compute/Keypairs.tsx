import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { useActions, useDeleteAction } from '../../parts/actions.tsx'
import { createdColumn, nameFilter, nameOf, textColumn } from '../../parts/columns.tsx'
import { KeypairCreateButton, KeypairImportButton } from '../../parts/compute/KeypairButtons.tsx'
import {
  KeypairDelete,
  KeypairRow,
  type KeypairRowData,
} from '../../parts/compute/keypair-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { useViewer } from '../../parts/viewer.ts'

const KeypairsQuery = graphql(
  `query Keypairs($first: Int!, $after: String, $filter: KeypairFilterInput) {
    keypairs(first: $first, after: $after, filter: $filter) {
      nodes { ...KeypairRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [KeypairRow],
)

/** The viewer's own key pairs. */
export function Keypairs() {
  const { t } = useTranslation()
  const { user } = useViewer()
  const remove = useDeleteAction<KeypairRowData>({
    rule: 'compute.keypair.delete',
    mutation: KeypairDelete,
    text: t('keypairs.deleteText'),
  })
  const actions = useActions([remove], ({ name }) => name)
  return (
    <>
      <ListPage
        title={t('keypairs.title')}
        description={t('keypairs.description')}
        query={KeypairsQuery}
        rows={({ keypairs }) => keypairs}
        variables={(view) => ({ filter: { name: nameOf(view), userId: user.id } })}
        filters={{ text: nameFilter(t) }}
        columns={[
          { id: 'name', header: t('common.name'), isRowHeader: true, cell: ({ name }) => name },
          {
            id: 'fingerprint',
            header: t('keypairs.fingerprint'),
            cell: ({ fingerprint }) => <code className="wrap">{fingerprint}</code>,
          },
          textColumn<KeypairRowData>('type', t('manage.type'), ({ publicKey }) =>
            publicKey.split(' ', 1).join(''),
          ),
          createdColumn<KeypairRowData>(t),
          ...actions.columns,
        ]}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <KeypairImportButton />
            <KeypairCreateButton isPrimary />
          </SpaceBetween>
        }
        none={{
          title: t('keypairs.none'),
          text: t('keypairs.noneText'),
          action: <KeypairCreateButton />,
        }}
      />
      {actions.dialogs}
    </>
  )
}
