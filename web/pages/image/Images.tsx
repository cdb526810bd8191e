import Button from '@cloudscape-design/components/button'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { useFollow } from '../../hooks/follow.ts'
import { imageColumns } from '../../parts/image/image-columns.tsx'
import {
  ImageDelete,
  ImageRow,
  type ImageRowData,
  ImagesWatch,
} from '../../parts/image/image-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { useRowAction } from '../../parts/use-row-action.tsx'
import { paths } from '../../paths.ts'

const ImagesQuery = graphql(
  `query Images($first: Int!, $after: String) {
    images(first: $first, after: $after) {
      nodes { ...ImageRow }
      pageInfo { hasNextPage endCursor }
      missing { cell reason since }
      totalCount
    }
  }`,
  [ImageRow],
)

export function Images() {
  const { t } = useTranslation()
  const follow = useFollow()
  const remove = useRowAction({
    mutation: ImageDelete,
    variables: ({ id }: ImageRowData) => ({ input: { id } }),
    question: ({ name }) => ({
      title: t('images.confirm', { name }),
      text: t('images.confirmText'),
      confirmText: t('images.delete'),
    }),
    doneText: ({ name }) => t('images.deleted', { name }),
    refusedText: ({ name }) => t('images.refused', { name }),
  })
  const uploadButton = (variant: 'primary' | 'normal') => (
    <Button variant={variant} href={paths.imageUpload()} onFollow={follow}>
      {t('images.upload')}
    </Button>
  )
  return (
    <>
      <ListPage
        title={t('images.title')}
        description={t('images.description')}
        query={ImagesQuery}
        rows={({ images }) => images}
        watch={ImagesWatch}
        columns={imageColumns(t, remove.request, follow)}
        actions={uploadButton('primary')}
        none={{
          title: t('images.none'),
          text: t('images.noneText'),
          action: uploadButton('normal'),
        }}
      />
      {remove.dialog}
    </>
  )
}
