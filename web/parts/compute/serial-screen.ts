/** The serial console of a guest by xterm.js: bytes both ways over the WebSocket. */
import '@xterm/xterm/css/xterm.css'
import type { Attach } from './console-connection.ts'

const linesKept = 5_000

export const attachSerial: Attach = async (target, url, { onOpen, onClose }) => {
  const [{ Terminal }, { FitAddon }] = await Promise.all([
    import('@xterm/xterm'),
    import('@xterm/addon-fit'),
  ])
  const terminal = new Terminal({
    scrollback: linesKept,
    fontSize: 13,
    fontFamily: 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace',
    theme: { background: '#0b1220', foreground: '#d5dbe6' },
    screenReaderMode: true,
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  terminal.open(target)
  fit.fit()
  const watcher = new ResizeObserver(() => fit.fit())
  watcher.observe(target)

  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  const encoder = new TextEncoder()
  terminal.onData((text) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text))
  })
  // Mouse reports and the like are bytes that are no text.
  terminal.onBinary((text) => {
    if (socket.readyState !== WebSocket.OPEN) return
    socket.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 0xff))
  })
  socket.addEventListener('open', onOpen)
  socket.addEventListener('message', ({ data }) => terminal.write(new Uint8Array(data)))

  function end(): void {
    watcher.disconnect()
    terminal.dispose()
  }
  const ended = () => {
    end()
    onClose()
  }
  socket.addEventListener('close', ended)
  return {
    focus: () => terminal.focus(),
    close() {
      socket.removeEventListener('close', ended)
      socket.close()
      end()
    },
  }
}
