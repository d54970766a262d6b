/**
 * Shows on the page of a thing whether it is suspended now: the act that suspends it, or who suspended it,
 * with the acts that confirm and lift it.
 */
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { Confirm, type Kind, Lift, Suspend, type Suspension, SuspensionPart } from './suspension.tsx'

type Of = { kind: Kind; subject: string }

function useSuspension({ kind, subject }: Of): Loaded<Suspension[]> {
  return useAnswer<Suspension[]>('getSuspensions', { query: { kind, subject, limit: '1' } })
}

export function SuspendOrLift(of: Of) {
  const found = useSuspension(of)
  if (found.state !== 'there') return null
  const [suspension] = found.data
  if (suspension === undefined) return <Suspend {...of} />
  return (
    <>
      <Confirm of={suspension} />
      <Lift of={suspension} />
    </>
  )
}

export function SuspendedNow(of: Of) {
  const found = useSuspension(of)
  const suspension = found.state === 'there' ? found.data[0] : undefined
  return (
    <>
      <NotRefreshed of={found} />
      {suspension !== undefined && <SuspensionPart of={suspension} />}
    </>
  )
}
