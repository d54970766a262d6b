/** A proposal in a sentence: what it would do, and to what, with a link to its page; its id as long as nothing more is known of it. */
import { Link } from './address.tsx'
import { askedTogether } from './asked-together.ts'
import { operationName, type Proposal } from './proposal.tsx'
import { ProposalSubject } from './proposal-subject.tsx'

const proposals = askedTogether<Proposal>(
  'getProposals',
  () => true,
  ({ length }) => ({ limit: String(length) }),
)

export function ProposalInWords({ id }: { id: string }) {
  const known = proposals.useOne(id)
  if (known === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <>
      <Link to={`/proposals/${id}`}>
        <bdi>{operationName(known.operation)}</bdi>
      </Link>
      {known.summary !== '' && (
        <>
          {': '}
          <ProposalSubject of={known} />
        </>
      )}
    </>
  )
}
