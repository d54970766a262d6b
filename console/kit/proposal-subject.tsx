/** What a proposal is about: the member, subsystem or contract of its address by name, then the values with which it calls. */
import { idIn } from './act-thing.ts'
import { NamedInWords } from './named.tsx'
import { useName } from './names.ts'
import type { Proposal } from './proposal.tsx'

export function ProposalSubject({ of: { operation, target, summary } }: { of: Proposal }) {
  const id = idIn(operation, target) ?? ''
  const name = useName(id)
  if (name === undefined || !summary.startsWith(id)) return <bdi class="wrap">{summary}</bdi>
  const others = summary.slice(id.length).replace(/^, /, '')
  return (
    <>
      <NamedInWords id={id} />
      {others !== '' && (
        <>
          {' · '}
          <bdi class="wrap">{others}</bdi>
        </>
      )}
    </>
  )
}
