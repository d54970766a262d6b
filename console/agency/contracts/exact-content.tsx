/**
 * The content that is agreed to, in its canonical text form, and whether the browser computes the same hash
 * as the server.
 */
import { Copyable } from '../../kit/copyable.tsx'
import { useDigest } from '../../kit/digest.ts'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import type { Version } from './contract.tsx'

export function ExactContent({ of: { content, contentHash } }: { of: Version }) {
  const exact = canonical(content)
  const own = useDigest(exact)
  return (
    <>
      <p>
        {text('contract.hash')} <Copyable value={contentHash} label={text('contract.hash')} />{' '}
        {own !== undefined && (
          <Status
            tone={own === contentHash ? 'good' : 'bad'}
            word={own === contentHash ? 'proposals.hashHolds' : 'proposals.hashDiffers'}
          />
        )}
      </p>
      <details>
        <summary>{text('proposals.showExact')}</summary>
        <p class="id wrap exact">
          <bdi>{exact}</bdi>
        </p>
      </details>
    </>
  )
}

/**
 * Canonical JSON (RFC 8785): names in the order of their UTF-16 code units, values as ECMAScript writes them.
 */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${pairs.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`
}
