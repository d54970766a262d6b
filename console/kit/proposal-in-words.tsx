/**
 * A proposal in a sentence: what it would do, and to what, with a link to its page; nothing as long as
 * nothing is known of it.
 */
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
  // The details of the act have its id, which tells nobody what was proposed.
  if (known === undefined) return null
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
