/**
 * The attachments of a SOAP message, each by itself: their sizes for every reader, and for some their digests
 * and what they say.
 */
import type { ComponentChildren } from 'preact'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts } from '../../kit/facts.tsx'
import { save } from '../../kit/save.ts'
import { number, type TextKey, text } from '../../kit/text.ts'
import { asText, Raw } from './raw.tsx'
import type { Attachment } from './records.ts'

export type WholeAttachment = Attachment & { sha512: string; headers: { name: string; value: string }[] }

/** A message may have a thousand: those of one with more than these are folded. */
const MOST_OPEN = 3

/**
 * Whoever reads contents and was handed a file can compare it by its digest, without looking at the content
 * here.
 */
export function AttachmentList({ of }: { of: Attachment[] }) {
  return (
    <details class="attachment" open={of.length <= MOST_OPEN}>
      <summary>{number(of.length)}</summary>
      <ul class="plain-list">
        {of.map(({ name, size, sha512 }) => (
          <li key={name}>
            {name}: {sizeText(size)}{' '}
            {sha512 !== undefined && <Copyable value={sha512} label={`${text('content.sha512')} ${name}`} />}
          </li>
        ))}
      </ul>
    </details>
  )
}

/** `body` joins them in their order; null when it is too large to be shown, or was not kept. */
export function WholeAttachments(q: {
  index: number
  of: WholeAttachment[]
  body: Uint8Array<ArrayBuffer> | null
}) {
  let end = 0
  const ends = q.of.map(({ size }) => {
    end += size
    return end
  })
  return (
    <>
      {q.of.map((attachment, i) => (
        <WholeOne
          key={attachment.name}
          index={q.index}
          of={attachment}
          bytes={q.body?.slice(ends[i]! - attachment.size, ends[i])}
          open={q.of.length <= MOST_OPEN}
        />
      ))}
    </>
  )
}

function WholeOne(q: {
  index: number
  of: WholeAttachment
  bytes: Uint8Array<ArrayBuffer> | undefined
  open: boolean
}) {
  const { name, size, sha512, headers } = q.of
  const type = headers.find((header) => header.name.toLowerCase() === 'content-type')?.value
  const given = headers.map((header): [{ given: string }, ComponentChildren] => [
    { given: header.name },
    <bdi key={header.name} class="wrap">
      {header.value}
    </bdi>,
  ])
  const own: [TextKey, ComponentChildren][] = [
    ['uploaded.size', sizeText(size)],
    ['content.sha512', <Copyable key="sha512" value={sha512} label={`${text('content.sha512')} ${name}`} />],
  ]
  return (
    <details class="attachment" open={q.open}>
      <summary>
        {name}: {type !== undefined && <bdi>{type}</bdi>}
        {type !== undefined && ', '}
        {sizeText(size)}
      </summary>
      <Facts of={[...given, ...own]} />
      {q.bytes !== undefined && <Raw of={q.bytes} label={name} />}
      {q.bytes !== undefined && size > 0 && (
        <button type="button" onClick={() => save(fileOf(q.index, name, q.bytes!))}>
          {text('content.save', { name })}
        </button>
      )}
    </details>
  )
}

/** Under a name of ours: the one that came may look like that of another file. */
function fileOf(index: number, name: string, bytes: Uint8Array<ArrayBuffer>): File {
  const ending = asText(bytes) === undefined ? 'bin' : 'txt'
  return new File([bytes], `record-${index}-${name}.${ending}`, { type: 'application/octet-stream' })
}

function sizeText(size: number): string {
  return text('record.bytes', { count: size, bytes: number(size) })
}
