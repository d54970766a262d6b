/**
 * The contacts of a version. Those of this server's members enter the code that was sent to their address.
 */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { partyId } from '../../kit/contract.tsx'
import { Contacts, SendLetterAgain } from '../../kit/contract-contacts.tsx'
import { text } from '../../kit/text.ts'
import { type Contact, Party, type Version } from './contract.tsx'

export function ContactsOf({ of: { contract, version, contacts = [] } }: { of: Version }) {
  return (
    <Contacts<Contact>
      of={contacts}
      version={version}
      Party={Party}
      operations={['confirmContact', 'sendContactLetter']}
      acts={(contact) =>
        contact.isHere &&
        contact.state !== 'CONFIRMED' && (
          <>
            <Confirm of={contact} contract={contract} />
            <SendLetterAgain of={contact} contract={contract} />
          </>
        )
      }
    />
  )
}

type Props = { of: Contact; contract: string }

function Confirm({ of: { member, email }, contract }: Props) {
  const { session } = useConsole()
  return (
    <Act
      operation="confirmContact"
      button={text('contract.confirmContact')}
      label={text('contract.confirmContactOf', { email })}
      title={text('contract.confirmContactOf', { email })}
      consequence={
        <>
          <p>{text('contract.confirmConsequence', { member: partyId(member) })}</p>
          {session.kind === 'key' && <p class="note">{text('contract.acceptByKey')}</p>}
        </>
      }
      fields={[{ name: 'code', title: 'contract.code', hint: 'contract.codeHint', maxLength: 100 }]}
      send={({ code }, call) => {
        const body = { member: partyId(member), email, code }
        return call('confirmContact', { params: { id: contract }, body })
      }}
      result={() => <p>{text('contract.contactConfirmed')}</p>}
    />
  )
}
