/** Links to the undecided proposals of one act. */
import { Link } from './address.tsx'
import { useMay } from './context.ts'
import { useAnswer } from './load.ts'
import type { Proposal } from './proposal.tsx'
import { type TextKey, text } from './text.ts'

/** `target` is the act's address in the API; `words` is the text with the proposer's `name`. */
export function OpenProposals(q: { target: string; words: TextKey }) {
  return useMay('getProposals') ? <Open {...q} /> : null
}

function Open({ target, words }: { target: string; words: TextKey }) {
  const proposals = useAnswer<Proposal[]>('getProposals', { query: { q: target, limit: '500' } })
  if (proposals.state !== 'there') return null
  const open = proposals.data.filter((one) => one.target === target && one.state === 'proposed')
  return (
    <>
      {open.map(({ id, proposedBy }) => (
        <p class="note part" key={id}>
          <Link to={`/proposals/${id}`}>{text(words, { name: proposedBy.name })}</Link>
        </p>
      ))}
    </>
  )
}
