import Button from '@cloudscape-design/components/button'
import Form from '@cloudscape-design/components/form'
import ProgressBar from '@cloudscape-design/components/progress-bar'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useBlocker, useNavigate } from 'react-router'
import { useClient } from 'urql'
import { explain, fieldMessage, type Problem } from '../../errors.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useFollow } from '../../hooks/follow.ts'
import { randomKey } from '../../hooks/idempotency.ts'
import { ImageFields, type ImageForm } from '../../parts/image/ImageFields.tsx'
import { ImageCreate, ImageDelete } from '../../parts/image/image-fields.ts'
import { putImage } from '../../parts/image/image-put.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { paths } from '../../paths.ts'
import { currentSession } from '../../session.ts'
import { Confirm } from '../../ui/Confirm.tsx'
import { submitsBy } from '../../ui/form.ts'
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

function UploadForm() {
  const { t } = useTranslation()
  const follow = useFollow()
  const [isSent, setSent] = useState(false)
  const [form, setForm] = useState<ImageForm>({
    file: null,
    name: '',
    diskFormat: 'QCOW2',
    visibility: 'PRIVATE',
  })
  const { part, problem, upload, cancel, isRunning } = useUpload()
  const isBusy = part !== null

  async function submit(): Promise<void> {
    setSent(true)
    if (!isBusy && form.name.trim()) await upload(form)
  }

  const isAtField = ['name', 'diskFormat', 'visibility'].some((field) =>
    fieldMessage(problem, field),
  )
  return (
    <form onSubmit={submitsBy(submit)} aria-label={t('images.upload')}>
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {isBusy ? (
              <Button formAction="none" onClick={cancel}>
                {t('images.stop')}
              </Button>
            ) : (
              <Button variant="link" formAction="none" href={paths.images()} onFollow={follow}>
                {t('common.cancel')}
              </Button>
            )}
            <Button variant="primary" formAction="submit" loading={isBusy}>
              {t('images.upload')}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <ImageFields
            form={form}
            onChange={setForm}
            problem={problem}
            isSent={isSent}
            isBusy={isBusy}
          />
          {isBusy && form.file && (
            <ProgressBar
              value={part * 100}
              label={t('images.progress', { name: form.file.name })}
              description={t('usage.ofTotal', {
                used: formatBytes(part * form.file.size),
                total: formatBytes(form.file.size),
              })}
              additionalInfo={part === 1 ? t('images.inspecting') : undefined}
            />
          )}
          {problem && !isAtField && <ProblemAlert problem={problem} />}
        </SpaceBetween>
      </Form>
      <LeaveGuard isBusy={isBusy} isRunning={isRunning} />
    </form>
  )
}

/** One upload at a time: the image's row, then its bytes. What is not finished is taken back. */
function useUpload() {
  const { t } = useTranslation()
  const client = useClient()
  const navigate = useNavigate()
  const { show } = useFlash()
  const [part, setPart] = useState<number | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])

  async function upload({ file, ...form }: ImageForm): Promise<void> {
    const secret = currentSession()?.current.secret
    if (!file || !secret || running.current) return
    const { signal } = (running.current = new AbortController())
    setPart(0)
    setProblem(null)
    const input = { ...form, name: form.name.trim(), idempotencyKey: randomKey() }
    const { data, error } = await client.mutation(ImageCreate, { input })
    try {
      if (error || !data) throw error
      const { uploadUrl } = data.imageCreate
      if (!uploadUrl) throw new Error('The API gave no address to send the image to')
      await putImage({ url: uploadUrl, file, secret, onProgress: setPart, signal })
      show({ type: 'success', header: t('images.accepted', { name: input.name }) })
      running.current = null
      setPart(null)
      await navigate(paths.images())
    } catch (cause) {
      const id = data?.imageCreate.image?.id
      if (id) void client.mutation(ImageDelete, { input: { id } })
      running.current = null
      setPart(null)
      if (!signal.aborted) setProblem(explain(cause))
    }
  }

  return {
    part,
    problem,
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
