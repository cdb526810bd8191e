/** The screen of a guest by noVNC. */
import type { Attach } from './console-connection.ts'

export const attachVnc: Attach = async (target, url, { onOpen, onClose }) => {
  const { default: RFB } = await import('@novnc/novnc')
  const rfb = new RFB(target, url, { shared: true })
  rfb.scaleViewport = true
  rfb.background = 'transparent'
  rfb.addEventListener('connect', onOpen)
  rfb.addEventListener('disconnect', onClose)
  return {
    focus: () => rfb.focus(),
    sendCtrlAltDel: () => rfb.sendCtrlAltDel(),
    close() {
      rfb.removeEventListener('disconnect', onClose)
      rfb.disconnect()
    },
  }
}
