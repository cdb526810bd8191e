import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import ProgressBar from '@cloudscape-design/components/progress-bar'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { VariablesOf } from 'gql.tada'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useBlocker, useNavigate } from 'react-router'
import { useClient } from 'urql'
import { useFlash } from '../../hooks/flash.tsx'
import { randomKey } from '../../hooks/idempotency.ts'
import { FieldInputs } from '../../parts/form/FieldInputs.tsx'
import { FormFrame } from '../../parts/form/FormFrame.tsx'
import { useForm } from '../../parts/form/use-form.ts'
import { FileField, imageFields } from '../../parts/image/ImageFields.tsx'
import { ImageCreate, ImageDelete } from '../../parts/image/image-fields.ts'
import { diskFormatOf, putImage } from '../../parts/image/image-put.ts'
import { paths } from '../../paths.ts'
import { currentSession } from '../../session.ts'
import { Confirm } from '../../ui/Confirm.tsx'
import { formatBytes } from '../../ui/format.ts'
import { Page } from '../../ui/Page.tsx'

export function ImageUpload() {
  const { t } = useTranslation()
  const trail = [{ text: t('images.title'), href: paths.images() }]
  return (
    <Page title={t('images.upload')} description={t('images.uploadText')} trail={trail}>
      <UploadForm />
    </Page>
  )
}

const withoutExtension = (fileName: string): string => fileName.replace(/\.[a-z0-9]{1,6}$/i, '')

function UploadForm() {
  const { t } = useTranslation()
  const [file, setFile] = useState<File | null>(null)
  const { part, upload, cancel, isRunning } = useUpload()
  const form = useForm(imageFields(t), async (values) => {
    if (file) await upload(file, values as ImageValues)
  })
  const isBusy = part !== null

  async function choose(chosen: File | null): Promise<void> {
    setFile(chosen)
    if (!chosen) return
    // A name that came from the file before goes with it; one that was typed stays.
    const { name } = form.values
    if (!name || (file && name === withoutExtension(file.name)))
      form.change('name', withoutExtension(chosen.name))
    form.change('diskFormat', await diskFormatOf(chosen))
  }

  return (
    <FormFrame
      form={form}
      submitText={t('images.upload')}
      cancelHref={paths.images()}
      cancel={
        isBusy && (
          <Button formAction="none" onClick={cancel}>
            {t('images.stop')}
          </Button>
        )
      }
    >
      <Container>
        <SpaceBetween size="l">
          <FileField
            file={file}
            isMissing={form.isSent && !file}
            onChoose={(chosen) => void choose(chosen)}
          />
          <FieldInputs form={form} />
        </SpaceBetween>
      </Container>
      {isBusy && file && (
        <ProgressBar
          value={part * 100}
          label={t('images.progress', { name: file.name })}
          description={t('usage.ofTotal', {
            used: formatBytes(part * file.size),
            total: formatBytes(file.size),
          })}
          additionalInfo={part === 1 ? t('images.inspecting') : undefined}
        />
      )}
      <LeaveGuard isBusy={isBusy} isRunning={isRunning} />
    </FormFrame>
  )
}

/** The choices hold no other values than the API's. */
type ImageValues = Pick<
  VariablesOf<typeof ImageCreate>['input'],
  'name' | 'diskFormat' | 'visibility'
>

/** One upload at a time: the image's row, then its bytes. What is not finished is taken back. */
function useUpload() {
  const { t } = useTranslation()
  const client = useClient()
  const navigate = useNavigate()
  const { show } = useFlash()
  const [part, setPart] = useState<number | null>(null)
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])

  async function upload(file: File, values: ImageValues): Promise<void> {
    const secret = currentSession()?.current.secret
    if (!secret || running.current) return
    const { signal } = (running.current = new AbortController())
    setPart(0)
    // Another try is another image: the one of a try that failed is taken back.
    const input = { ...values, idempotencyKey: randomKey() }
    const { data, error } = await client.mutation(ImageCreate, { input })
    try {
      if (error || !data) throw error
      const { uploadUrl } = data.imageCreate
      if (!uploadUrl) throw new Error('The API gave no address to send the image to')
      await putImage({ url: uploadUrl, file, secret, onProgress: setPart, signal })
      show({ type: 'success', header: t('images.accepted', { name: input.name }) })
      running.current = null
      await navigate(paths.images())
    } catch (cause) {
      const id = data?.imageCreate.image?.id
      if (id) void client.mutation(ImageDelete, { input: { id } })
      if (!signal.aborted) throw cause
    } finally {
      running.current = null
      setPart(null)
    }
  }

  return {
    part,
    upload,
    cancel: () => running.current?.abort(),
    isRunning: () => running.current !== null,
  }
}

/** Asks before the page is left while bytes are on their way. */
function LeaveGuard(props: { isBusy: boolean; isRunning: () => boolean }) {
  const { isBusy, isRunning } = props
  const { t } = useTranslation()
  useEffect(() => {
    if (!isBusy) return
    const hold = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', hold)
    return () => window.removeEventListener('beforeunload', hold)
  }, [isBusy])
  const blocker = useBlocker(isRunning)
  if (blocker.state !== 'blocked') return null
  return (
    <Confirm
      title={t('images.leave')}
      confirmText={t('images.leaveConfirm')}
      onConfirm={blocker.proceed}
      onCancel={blocker.reset}
    >
      {t('images.leaveText')}
    </Confirm>
  )
}
