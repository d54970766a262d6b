/** The text that is approved, to the byte, and whether its hash is the one that the registry names. */
import { useEffect, useState } from 'preact/hooks'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import type { WholeProposal } from './proposal.tsx'

export function ExactContent({ of: { content, contentSha256 } }: { of: WholeProposal }) {
  const own = useDigest(content)
  return (
    <Part title={text('proposals.exact')}>
      <p>{text('proposals.exactWhy')}</p>
      <p>
        {text('proposals.sha256')} <Copyable value={contentSha256} label={text('proposals.sha256')} />{' '}
        {own !== undefined && (
          <Status
            tone={own === contentSha256 ? 'good' : 'bad'}
            word={own === contentSha256 ? 'proposals.hashHolds' : 'proposals.hashDiffers'}
          />
        )}
      </p>
      <details>
        <summary>{text('proposals.showExact')}</summary>
        <p class="id wrap exact">
          <bdi>{content}</bdi>
        </p>
      </details>
    </Part>
  )
}

/** Computed here; undefined where the page is no secure context, so that the browser does not compute it. */
function useDigest(content: string): string | undefined {
  const [digest, setDigest] = useState<string>()
  useEffect(() => {
    let over = false
    void crypto.subtle?.digest('SHA-256', new TextEncoder().encode(content)).then((bytes) => {
      const hex = Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0'))
      if (!over) setDigest(hex.join(''))
    })
    return () => {
      over = true
    }
  }, [content])
  return digest
}
