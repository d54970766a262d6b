/**
 * A file that a proposal would bring in, for the second person: what it is, its digest, its text, and the
 * file itself.
 */
import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { type Certificate, CertificateFacts } from './certificate.tsx'
import { Copyable } from './copyable.tsx'
import { useDigest } from './digest.ts'
import { Facts, Part } from './facts.tsx'
import type { WholeProposal } from './proposal.tsx'
import { save } from './save.ts'
import { factsOf } from './summary-of-file.ts'
import { number, type TextKey, text } from './text.ts'

const MOST_SHOWN = 20_000

export function Uploaded({ base64, of }: { base64: string; of: WholeProposal }) {
  const bytes = useMemo(() => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0)), [base64])
  const words = useMemo(() => wordsIn(bytes), [bytes])
  const sha256 = useDigest(bytes)
  const certificate = of.explained.certificates.find(
    ({ at, sha256: own }) => at === 'body' && own !== undefined,
  )
  const facts = certificate === undefined && words !== undefined ? factsOf(words) : []
  return (
    <Part
      title={text('uploaded.title')}
      acts={
        <button type="button" onClick={() => save(new File([bytes], nameOf(of, words)))}>
          {text('uploaded.download')}
        </button>
      }
    >
      <p>{text('uploaded.why')}</p>
      <Facts
        of={[
          ['uploaded.size', text('record.bytes', { count: bytes.length, bytes: number(bytes.length) })],
          [
            'certificate.sha256',
            sha256 === undefined ? (
              text('uploaded.noDigest')
            ) : (
              <Copyable key="hash" value={sha256} label={text('certificate.sha256')} />
            ),
          ],
          ...facts.map(([title, value]): [TextKey, ComponentChildren] => [
            title,
            <bdi key={title} class="wrap">
              {value}
            </bdi>,
          ]),
        ]}
      />
      {certificate !== undefined && <CertificateFacts of={certificate as Certificate} />}
      {certificate === undefined && words !== undefined && (
        <details>
          <summary>{text('uploaded.text')}</summary>
          {words.length > MOST_SHOWN && <p class="note">{text('uploaded.beginning')}</p>}
          <pre class="wrap exact">
            <bdi>{words.slice(0, MOST_SHOWN)}</bdi>
          </pre>
        </details>
      )}
    </Part>
  )
}

// Control characters and direction marks, with which a text looks like another one.
const MARKS = /(?![\t\n\r])\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** The text of a file; undefined for one that is not UTF-8. */
function wordsIn(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(MARKS, '\ufffd')
  } catch {
    return undefined
  }
}

function nameOf({ operation, id }: WholeProposal, words: string | undefined): string {
  const start = words?.trimStart()[0]
  const ending = words === undefined ? 'bin' : start === '<' ? 'xml' : start === '{' ? 'json' : 'txt'
  return `${operation}-${id.slice(0, 8)}.${ending}`
}
