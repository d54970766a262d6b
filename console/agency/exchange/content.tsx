/** The content of one message: requested with case and reason, shown byte for byte. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Saved } from '../../kit/saved.tsx'
import { number, text } from '../../kit/text.ts'
import { WHY, whyOf } from '../why.ts'

type Bytes = { index: number; message: string; body: string | null; bodyBytes: number | null }

const MAX_ROWS = 16

export function Content({ index }: { index: number }) {
  const { api } = useConsole()
  const params = { index: String(index) }
  return (
    <>
      <Act<Bytes>
        operation="getRecordContent"
        shows
        button={text('content.show')}
        label={text('content.showThis', { index: String(index) })}
        look="quiet"
        reads
        title={text('content.title', { index: String(index) })}
        consequence={<p>{text('content.consequence')}</p>}
        fields={WHY}
        send={(values) => api.call('getRecordContent', { params, query: whyOf(values) })}
        result={(content) => <Shown of={content} />}
      />
      <Act<File>
        operation="downloadRecordContainer"
        button={text('content.container')}
        label={text('content.containerThis', { index: String(index) })}
        look="quiet"
        reads
        title={text('content.container')}
        consequence={<p>{text('content.consequence')}</p>}
        fields={WHY}
        send={(values) => api.download('downloadRecordContainer', { params, query: whyOf(values) })}
        result={(file) => <Saved file={file} />}
      />
    </>
  )
}

function Shown({ of: { message, body, bodyBytes } }: { of: Bytes }) {
  return (
    <>
      <h3>{text('content.message')}</h3>
      <Raw of={message} label={text('content.message')} />
      <h3>{text('content.body')}</h3>
      {body !== null ? (
        <Raw of={body} label={text('content.body')} />
      ) : (
        <p>
          {text(bodyBytes === null ? 'content.noBody' : 'content.largeBody', {
            bytes: number(bodyBytes ?? 0),
          })}
        </p>
      )}
    </>
  )
}

/** Shows bytes as text if they are text, otherwise in hex; they are never rendered. */
function Raw({ of, label }: { of: string; label: string }) {
  const bytes = Uint8Array.from(atob(of), (sign) => sign.charCodeAt(0))
  if (bytes.length === 0) return <p>{text('content.empty')}</p>
  const shown = asText(bytes) ?? hex(bytes)
  // Reachable without a pointer, to scroll and copy.
  return (
    <textarea class="raw" readOnly aria-label={label} rows={Math.min(shown.split('\n').length + 1, MAX_ROWS)}>
      {shown}
    </textarea>
  )
}

function asText(bytes: Uint8Array): string | undefined {
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
