/**
 * Whether exchanges require a contract, and which contracts the registry must approve; with the act that sets
 * both.
 */
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'

const CONTACTS = ['none', 'personalData', 'all'] as const
type Policy = {
  contractRequired: boolean
  approveAll: boolean
  confirmedContacts: (typeof CONTACTS)[number]
}

export function ContractPolicy() {
  const policy = useAnswer<Policy>('getContractPolicy')
  return (
    <Show of={policy}>
      {(data) => (
        <Part title={text('contracts.policy')} acts={<SetPolicy of={data} />}>
          <Facts
            of={[
              ['contracts.required', text(data.contractRequired ? 'common.yes' : 'common.no')],
              ['contracts.approveAll', text(data.approveAll ? 'common.yes' : 'common.no')],
              ['contracts.confirmedContacts', text(`contracts.contacts.${data.confirmedContacts}`)],
            ]}
          />
        </Part>
      )}
    </Show>
  )
}

function SetPolicy({ of }: { of: Policy }) {
  const chosen = (['contractRequired', 'approveAll'] as const).filter((name) => of[name])
  return (
    <Act
      operation="setContractPolicy"
      button={text('contracts.setPolicy')}
      title={text('contracts.setPolicy')}
      consequence={<p>{text('contracts.setPolicyConsequence')}</p>}
      fields={[
        {
          name: 'policy',
          title: 'contracts.policy',
          type: 'checks',
          required: false,
          initial: chosen.join(','),
          options: [
            { value: 'contractRequired', title: text('contracts.required') },
            { value: 'approveAll', title: text('contracts.approveAll') },
          ],
        },
        {
          name: 'confirmedContacts',
          title: 'contracts.confirmedContacts',
          hint: 'contracts.confirmedContactsHint',
          type: 'select',
          initial: of.confirmedContacts,
          options: CONTACTS.map((value) => ({ value, title: text(`contracts.contacts.${value}`) })),
        },
      ]}
      send={({ policy, confirmedContacts }, call) => {
        const set = String(policy).split(',')
        const body = {
          contractRequired: set.includes('contractRequired'),
          approveAll: set.includes('approveAll'),
          confirmedContacts,
        }
        return call('setContractPolicy', { body })
      }}
      result={() => <p>{text('contracts.policySet')}</p>}
    />
  )
}
