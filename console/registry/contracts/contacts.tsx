/** The contacts of a version, and sending one its letter again. */
import { Act } from '../../kit/act.tsx'
import { partyId, withoutIds } from '../../kit/contract.tsx'
import { Contacts } from '../../kit/contract-contacts.tsx'
import { text } from '../../kit/text.ts'
import { Party, type Version } from './contract.tsx'

export function ContactsOf({ of: { contract, version, contacts = [] } }: { of: Version }) {
  return (
    <Contacts
      of={contacts.map((one) => ({
        ...one,
        ...(one.confirmedBy === undefined ? {} : { confirmedBy: withoutIds(one.confirmedBy) }),
      }))}
      version={version}
      Party={Party}
      operations={['sendContactLetter']}
      acts={({ member, email, state }) =>
        state !== 'ELSEWHERE' && (
          <Act
            operation="sendContactLetter"
            button={text('contract.sendAgain')}
            label={text('contract.sendAgainTo', { email })}
            title={text('contract.sendAgainTo', { email })}
            consequence={<p>{text('contract.sendAgainConsequence', { member: partyId(member) })}</p>}
            send={(_, call) =>
              call('sendContactLetter', {
                params: { id: contract },
                body: { member: partyId(member), email },
              })
            }
            result={() => <p>{text('contract.sentAgain')}</p>}
          />
        )
      }
    />
  )
}
