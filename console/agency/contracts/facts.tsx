/** The facts that accompany the terms: whose contract it is, from when until when. */
import { ContractState } from '../../kit/contract.tsx'
import { Facts } from '../../kit/facts.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consumers, Party, type Version } from './contract.tsx'

export function ContractFacts({ of }: { of: Version }) {
  return (
    <Facts
      of={[
        ['common.state', <ContractState key="state" of={of} />],
        ['contract.versionField', String(of.version)],
        ['contract.provider', <Party key="provider" id={of.provider} />],
        ['contract.consumers', <Consumers key="consumers" of={of} />],
        ['contract.personalData', text(of.personalData ? 'common.yes' : 'common.no')],
        ['contract.critical', text(of.critical ? 'common.yes' : 'common.no')],
        ['contract.validFrom', <Time key="from" at={of.validFrom} />],
        ['contract.validUntil', <Time key="until" at={of.validUntil} relative />],
        ['contract.reviewAt', <Time key="review" at={of.content.reviewAt} relative />],
        ...(of.reason === undefined
          ? []
          : [
              [
                'contract.reason',
                <bdi key="why" class="wrap">
                  {of.reason}
                </bdi>,
              ] as [TextKey, object],
            ]),
      ]}
    />
  )
}
