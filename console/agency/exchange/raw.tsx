/** Bytes that others wrote: as text if they are text, otherwise in hex; they are never rendered. */
import { text } from '../../kit/text.ts'

const MAX_ROWS = 16

export function Raw({ of, label }: { of: Uint8Array; label: string }) {
  if (of.length === 0) return <p>{text('content.empty')}</p>
  const shown = asText(of) ?? hex(of)
  // Reachable without a pointer, to scroll and copy.
  return (
    <textarea class="raw" readOnly aria-label={label} rows={Math.min(shown.split('\n').length + 1, MAX_ROWS)}>
      {shown}
    </textarea>
  )
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
}

/** Undefined for bytes that are no UTF-8. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // Characters that would hide or reorder text are shown as escapes.
    return decoded.replace(/[\p{Cc}\p{Cf}]/gu, (sign) =>
      sign === '\n' || sign === '\t' || sign === '\r' ? sign : `\\u{${sign.codePointAt(0)!.toString(16)}}`,
    )
  } catch {
    return undefined
  }
}

function hex(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const line = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${line}`)
  }
  return lines.join('\n')
}
