/**
 * The contract that a proposal is about, as it is now, and whether its content is still the one that the
 * proposer read.
 */
import { Link } from '../../kit/address.tsx'
import { ContractState, contractPath } from '../../kit/contract.tsx'
import { Terms } from '../../kit/contract-terms.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Suspension, SuspensionPart } from '../suspensions/suspension.tsx'
import { Parties, Party, type WholeContract } from './contract.tsx'

export function ContractOfProposal({ id, hash }: { id: string; hash: string }) {
  const contract = useAnswer<WholeContract>('getContract', { params: { id } })
  return (
    <Show of={contract}>
      {({ versions }) => {
        const version = versions.find(({ contentHash }) => contentHash === hash)
        if (version === undefined) return <p class="note part">{text('contract.otherContent')}</p>
        const { title, provider, consumers, personalData, validFrom, validUntil } = version
        return (
          <Part
            title={text('contract.terms', { version: String(version.version) })}
            acts={<Link to={contractPath(id)}>{text('contract.whole')}</Link>}
          >
            <Facts
              of={[
                ['contract.titleField', <bdi key="title">{title}</bdi>],
                ['common.state', <ContractState key="state" of={version} />],
                ['contract.provider', <Party key="provider" id={provider} />],
                ['contract.consumers', <Parties key="consumers" of={consumers} />],
                ['contract.personalData', text(personalData ? 'common.yes' : 'common.no')],
                ['contract.validFrom', <Time key="from" at={validFrom} />],
                ['contract.validUntil', <Time key="until" at={validUntil} relative />],
              ]}
            />
            <Terms of={version} Party={Party} />
          </Part>
        )
      }}
    </Show>
  )
}

export function SuspensionOfProposal({ id }: { id: string }) {
  const suspension = useAnswer<Suspension>('getSuspension', { params: { id } })
  return <Show of={suspension}>{(data) => <SuspensionPart of={data} named />}</Show>
}
