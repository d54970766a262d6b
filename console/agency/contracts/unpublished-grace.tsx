/**
 * A time that the parties agreed on and the registry does not publish. The page says so, so that nobody
 * learns it only in an outage.
 */
import { hasGrace } from '../../kit/contract-terms.tsx'
import { useAnswer } from '../../kit/load.ts'
import { text } from '../../kit/text.ts'
import type { Version } from './contract.tsx'

type State = { own?: { graceUntil?: string } }

export function UnpublishedGrace({ of }: { of: Version }) {
  const state = useAnswer<State>('getGlobalConfiguration')
  if (of.state !== 'ACTIVE' || !hasGrace(of.content) || state.state !== 'there') return null
  const { own } = state.data
  if (own === undefined || own.graceUntil !== undefined) return null
  return <p class="note">{text('contract.graceUnpublished')}</p>
}
