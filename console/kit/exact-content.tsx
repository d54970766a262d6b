/** The exact text that is approved, and whether its hash is the one that the registry names. */
import { Copyable } from './copyable.tsx'
import { useDigest } from './digest.ts'
import { Part } from './facts.tsx'
import type { WholeProposal } from './proposal.tsx'
import { Status } from './status.tsx'
import { text } from './text.ts'

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
