/** The title of the browser tab. */
export function PageTitle({ text }: { text: string }) {
  return <title>{`${text} · Nephograph`}</title>
}
