import Button from '@cloudscape-design/components/button'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient, useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useFollow } from '../../hooks/follow.ts'
import { usePages } from '../../hooks/list-view.ts'
import { useLiveList, useReread } from '../../hooks/live.ts'
import { imageColumns } from '../../parts/image/image-columns.tsx'
import {
  ImageDelete,
  ImageRow,
  type ImageRowData,
  ImagesWatch,
} from '../../parts/image/image-fields.ts'
import { ProblemFacts } from '../../parts/Problem.tsx'
import { ResourceTable } from '../../parts/ResourceTable.tsx'
import { paths } from '../../paths.ts'
import { Confirm } from '../../ui/Confirm.tsx'
import { Empty } from '../../ui/Empty.tsx'

const rowsPerPage = 50

const ImagesQuery = graphql(
  `query Images($first: Int!, $after: String) {
    images(first: $first, after: $after) {
      nodes { ...ImageRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ImageRow],
)

export function Images() {
  const { t } = useTranslation()
  const follow = useFollow()
  const pages = usePages('')
  const variables = { first: rowsPerPage, after: pages.after }
  const [{ data, error }, reread] = useQuery({ query: ImagesQuery, variables })
  const rereadSoon = useReread(reread)
  useLiveList(ImagesWatch, ({ imageChanged: { kind } }) => {
    if (kind !== 'UPDATED') rereadSoon()
  })
  const [asked, setAsked] = useState<ImageRowData | null>(null)
  const remove = useImageDelete()
  const uploadButton = (variant: 'primary' | 'normal') => (
    <Button variant={variant} href={paths.imageUpload()} onFollow={follow}>
      {t('images.upload')}
    </Button>
  )

  return (
    <>
      <ResourceTable
        title={t('images.title')}
        description={t('images.description')}
        list={{
          items: data?.images.nodes,
          totalCount: data?.images.totalCount,
          pageInfo: data?.images.pageInfo,
          error,
          reread,
        }}
        pages={pages}
        columns={imageColumns(t, setAsked, follow)}
        actions={uploadButton('primary')}
        empty={
          <Empty title={t('images.none')} text={t('images.noneText')}>
            {uploadButton('normal')}
          </Empty>
        }
      />
      {asked && (
        <Confirm
          title={t('images.confirm', { name: asked.name })}
          confirmText={t('images.delete')}
          onCancel={() => setAsked(null)}
          onConfirm={() => {
            setAsked(null)
            void remove(asked)
          }}
        >
          {t('images.confirmText')}
        </Confirm>
      )}
    </>
  )
}

function useImageDelete(): (image: ImageRowData) => Promise<void> {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  return async ({ id, name }) => {
    const { error } = await client.mutation(ImageDelete, { input: { id } })
    if (error) {
      const content = <ProblemFacts problem={explain(error)} />
      show({ type: 'error', header: t('images.refused', { name }), content })
    } else show({ type: 'success', header: t('images.deleted', { name }) })
  }
}
