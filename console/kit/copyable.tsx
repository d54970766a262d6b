/**
 * An id with a button that copies it whole. A digest shows its beginning and end, and all of it on request;
 * it stays selectable.
 */
import { useEffect, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { useAnnounce } from './live.tsx'
import { text } from './text.ts'

const SHOWN_MS = 2000
const ENDS = 8
/**
 * Digests in hex or base64, and public keys (DER, verifier keys of logs): nobody reads them letter by letter,
 * save to compare.
 */
const DIGEST =
  /^(?:[0-9a-f]{40,}|[0-9a-f]{2}(?::[0-9a-f]{2}){19,}|[A-Za-z0-9+/]{43}=?|[A-Za-z0-9+/]{86}==|M[A-Za-z0-9+/]{50,}={0,2}|\S+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40,}={0,2})$/i

/**
 * `label` names the copied value for people who hear only the button. `whole`: a digest that is to be
 * compared is not folded.
 */
export function Copyable({
  value,
  label,
  whole = false,
}: {
  value: string
  label?: string
  whole?: boolean
}) {
  const [copied, setCopied] = useState(false)
  const announce = useAnnounce()
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async (): Promise<void> => {
    // Refused when the page is no secure context: the value can still be selected.
    const done = await navigator.clipboard?.writeText(value).then(
      () => true,
      () => false,
    )
    setCopied(done === true)
    announce(text(done === true ? 'kit.copied' : 'kit.notCopied'))
  }
  const what = label ?? value
  return (
    <span class="copyable">
      {DIGEST.test(value) && !whole ? (
        <Folded value={value} what={label ?? ''} />
      ) : (
        <bdi class="id wrap">{value}</bdi>
      )}
      <button
        type="button"
        class="quiet"
        aria-label={text('kit.copyThis', { what })}
        title={text(copied ? 'kit.copiedShort' : 'kit.copy')}
        onClick={() => void copy()}
      >
        <Icon name={copied ? 'good' : 'copy'} />
      </button>
    </span>
  )
}

/**
 * A digest of which the middle is hidden until somebody asks for it. All of it is in the text, for search,
 * copies and print.
 */
function Folded({ value, what }: { value: string; what: string }) {
  const [open, setOpen] = useState(false)
  return (
    <bdi class={open ? 'id digest open' : 'id digest'}>
      {value.slice(0, ENDS)}
      <span class="middle">{value.slice(ENDS, -ENDS)}</span>
      {!open && (
        <button
          type="button"
          class="unfold"
          aria-label={text('kit.unfold', { what })}
          onClick={() => setOpen(true)}
        />
      )}
      {value.slice(-ENDS)}
    </bdi>
  )
}
