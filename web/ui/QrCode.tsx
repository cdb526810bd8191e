import { useMemo } from 'react'
import { qrPath } from './qr-path.ts'

interface QrCodeProps {
  text: string
  /** What it is for, for those who can't see it. The text itself belongs beside it. */
  label: string
  /** Its width and height on the screen. */
  sizePx?: number
}

/** A QR code, black on white in every look of the portal: many readers refuse the reverse. */
export function QrCode({ text, label, sizePx = 200 }: QrCodeProps) {
  const { size, path } = useMemo(() => qrPath(text), [text])
  return (
    <svg
      role="img"
      aria-label={label}
      width={sizePx}
      height={sizePx}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
