/** An id, complete and selectable, with a button that copies it. */
import { useEffect, useState } from 'preact/hooks'
import { useAnnounce } from './live.tsx'
import { text } from './text.ts'

const SHOWN_MS = 2000

/** `label` names the copied value for people who hear only the button. */
export function Copyable({ value, label }: { value: string; label?: string }) {
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
  return (
    <span class="copyable">
      <bdi class="id">{value}</bdi>
      <button
        type="button"
        class="quiet"
        aria-label={text('kit.copyThis', { what: label ?? value })}
        onClick={() => void copy()}
      >
        {text(copied ? 'kit.copiedShort' : 'kit.copy')}
      </button>
    </span>
  )
}
