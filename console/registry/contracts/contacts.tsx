/** The contacts of a version, and sending a letter again. */

import { Contacts, SendLetterAgain } from '../../kit/contract-contacts.tsx'
import { withoutIds } from '../../kit/done.tsx'
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
      acts={(contact) =>
        contact.state !== 'ELSEWHERE' && <SendLetterAgain of={contact} contract={contract} />
      }
    />
  )
}
