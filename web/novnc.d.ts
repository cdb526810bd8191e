/** What the portal uses of noVNC, which brings no types. */
declare module '@novnc/novnc' {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, url: string, options?: { shared?: boolean })
    scaleViewport: boolean
    resizeSession: boolean
    background: string
    focus(): void
    sendCtrlAltDel(): void
    disconnect(): void
  }
}
