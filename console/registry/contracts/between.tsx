/**
 * For a contract between two instances: which registries have agreed, and the last answer of the other one.
 */
import { Link } from '../../kit/address.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export type Between = {
  /** The other instance, when the contract was proposed there. */
  origin: string | null
  agreedAt: string | null
  counterSeals: { sha256: string; instance: string; sealedAt: string }[]
  partner: { instance: string; state: string; reason: string | null; heardAt: string } | null
}

export function BetweenInstances({ between, instances }: { between?: Between; instances?: string[] }) {
  if (instances === undefined) return null
  const { agreedAt, counterSeals, partner } = between ?? { agreedAt: null, counterSeals: [], partner: null }
  return (
    <Part
      title={text('contract.between', { instances: instances.join(', ') })}
      acts={<Link to="/external-anchors">{text('federation.title')}</Link>}
    >
      <Facts
        of={[
          [
            'contract.agreedHere',
            agreedAt === null ? text('common.no') : <Time key="agreed" at={agreedAt} relative />,
          ],
          [
            'contract.counterSealed',
            counterSeals.length === 0 ? (
              text('contract.byNoRegistry')
            ) : (
              <bdi key="seals">{counterSeals.map(({ instance }) => instance).join(', ')}</bdi>
            ),
          ],
          [
            'contract.otherRegistry',
            partner === null ? (
              text('contract.notHeard')
            ) : (
              <bdi key="state">{[partner.state, partner.reason ?? ''].join(' ').trim()}</bdi>
            ),
          ],
          ...(partner === null
            ? []
            : ([['contract.heardAt', <Time key="heard" at={partner.heardAt} relative />]] as [
                'contract.heardAt',
                object,
              ][])),
        ]}
      />
    </Part>
  )
}
