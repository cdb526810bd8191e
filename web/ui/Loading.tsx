import Box from '@cloudscape-design/components/box'
import Spinner from '@cloudscape-design/components/spinner'

/** Shown while a page or a part of one is on its way. */
export function Loading({ text }: { text: string }) {
  return (
    <Box textAlign="center" padding="xxl" color="text-body-secondary">
      <div role="status">
        <Spinner /> {text}
      </div>
    </Box>
  )
}
