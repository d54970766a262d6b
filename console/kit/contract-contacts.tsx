/** The contacts of a version, and whether each address is confirmed to reach its member. */
import type { ComponentChildren } from 'preact'
import { Act } from './act.tsx'
import { type PartyView, partyId } from './contract.tsx'
import { Part } from './facts.tsx'
import { HeldTable } from './held-table.tsx'
import { Status, type Tone } from './status.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

type ContactState = 'CONFIRMED' | 'ASKED' | 'UNCONFIRMED' | 'REFUSED' | 'ELSEWHERE'

export type Contact = {
  member: string
  name: string
  email: string
  state?: ContactState
  confirmedBy?: string
  confirmedUntil?: string
  askedUntil?: string
}

const TONES: Record<ContactState, Tone> = {
  CONFIRMED: 'good',
  ASKED: 'warn',
  UNCONFIRMED: 'warn',
  REFUSED: 'bad',
  ELSEWHERE: 'quiet',
}

type Props<C> = {
  of: C[]
  version: number
  Party: PartyView
  /** Operations of the acts: the column is shown to callers of any of them. */
  operations: string[]
  acts(contact: C): ComponentChildren
}

/** Empty when the registry sends no e-mail, because then no address has a state. */
export function Contacts<C extends Contact>({ of, version, Party, operations, acts }: Props<C>) {
  if (of.every(({ state }) => state === undefined)) return null
  const title = text('contract.contactsOf', { version: String(version) })
  return (
    <Part title={title}>
      <p>{text('contract.contactsLead')}</p>
      <HeldTable<C>
        caption={title}
        name="contacts"
        rows={of}
        rowKey={({ member, name, email }) => `${member} ${email} ${name}`}
        words={({ member, name, email }) => [member, name, email].join(' ')}
        columns={[
          {
            title: 'contract.contact',
            cell: ({ name, email }) => (
              <>
                <bdi>{name}</bdi> <bdi class="wrap">{email}</bdi>
              </>
            ),
          },
          { title: 'members.one', cell: ({ member }) => <Party id={member} /> },
          { title: 'contract.address', cell: (contact) => <State of={contact} /> },
          { title: 'common.acts', acts: operations, cell: acts },
        ]}
        empty={null}
      />
    </Part>
  )
}

/** Sends another letter with a new code: the last letter may be lost, or its code expired. */
export function SendLetterAgain({
  of: { member, email },
  contract,
}: {
  of: Pick<Contact, 'member' | 'email'>
  contract: string
}) {
  return (
    <Act
      operation="sendContactLetter"
      button={text('contract.sendAgain')}
      label={text('contract.sendAgainTo', { email })}
      title={text('contract.sendAgainTo', { email })}
      consequence={<p>{text('contract.sendAgainConsequence', { member: partyId(member) })}</p>}
      send={(_, call) =>
        call('sendContactLetter', { params: { id: contract }, body: { member: partyId(member), email } })
      }
      result={() => <p>{text('contract.sentAgain')}</p>}
    />
  )
}

function State({ of: { state, confirmedBy, confirmedUntil, askedUntil } }: { of: Contact }) {
  if (state === undefined) return null
  return (
    <>
      <Status tone={TONES[state]} word={`contract.contact.${state}` as TextKey} />{' '}
      {confirmedBy !== undefined && (
        <span class="beside">
          <bdi>{text('contract.confirmedBy', { name: confirmedBy })}</bdi>{' '}
        </span>
      )}
      {confirmedUntil !== undefined && (
        <span class="beside">
          {text('contract.until')} <Time at={confirmedUntil} relative />{' '}
        </span>
      )}
      {askedUntil !== undefined && (
        <span class="beside">
          {text('contract.codeUntil')} <Time at={askedUntil} relative />
        </span>
      )}
    </>
  )
}
