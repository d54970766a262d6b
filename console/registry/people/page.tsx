/** Who may log in and do what: invited, given other roles, locked, unlocked, removed. */
import { Act } from '../../kit/act.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { roleField, roleName } from '../roles.tsx'
import { PersonActs } from './acts.tsx'
import { Reopened } from './reopened.tsx'

export type Person = {
  id: string
  name: string
  email: string | null
  subject: string | null
  roles: string[]
  state: 'invited' | 'active' | 'locked' | 'removed'
  createdAt: string
  lastLoginAt: string | null
}

const TONES: Record<Person['state'], Tone> = {
  invited: 'warn',
  active: 'good',
  locked: 'bad',
  removed: 'quiet',
}

export function PersonState({ state }: Pick<Person, 'state'>) {
  return <Status tone={TONES[state]} word={`person.${state}` as TextKey} />
}

function People() {
  const { session } = useConsole()
  return (
    <>
      <Head title={text('people.title')} lead={text('people.lead')} acts={<Invite />} />
      <Reopened />
      <Table<Person>
        operation="getPeople"
        caption={text('people.title')}
        search="people.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'people.name',
            cell: ({ id, name }) => (
              <>
                <bdi>{name}</bdi>
                {id === session.id && <span class="beside"> {text('people.you')}</span>}
              </>
            ),
          },
          { title: 'people.knownBy', cell: (person) => <KnownBy {...person} /> },
          { title: 'people.state', cell: ({ state }) => <PersonState state={state} /> },
          { title: 'people.roles', cell: ({ roles }) => roles.map(roleName).join(', ') },
          {
            title: 'people.lastLogin',
            cell: ({ lastLoginAt: at }) => (at === null ? text('people.never') : <Time at={at} relative />),
          },
          {
            title: 'common.acts',
            acts: ['changePersonRoles', 'lockPerson', 'unlockPerson', 'removePerson'],
            cell: (person) => <PersonActs of={person} />,
          },
        ]}
        empty={<p>{text('people.empty')}</p>}
      />
    </>
  )
}

function KnownBy({ email, subject }: Pick<Person, 'email' | 'subject'>) {
  return (
    <>
      {email !== null && (
        <p>
          <bdi>{email}</bdi>
        </p>
      )}
      {subject !== null && (
        <p class="beside">
          {text('people.subject')} <Copyable value={subject} />
        </p>
      )}
    </>
  )
}

function Invite() {
  return (
    <Act
      operation="invitePerson"
      button={text('people.invite')}
      look="primary"
      title={text('people.invite')}
      consequence={<p>{text('people.inviteConsequence')}</p>}
      fields={[
        { name: 'email', title: 'people.email', hint: 'people.emailHint', required: false, maxLength: 255 },
        {
          name: 'subject',
          title: 'people.subject',
          hint: 'people.subjectHint',
          required: false,
          maxLength: 255,
        },
        roleField('people.roles'),
      ]}
      send={async ({ email, subject, roles }, call) => {
        // As a proposal it would be refused only when somebody has approved it.
        if (email === '' && subject === '') throw new ApiFault(400, { message: text('people.needed') })
        const known = { ...(email === '' ? {} : { email }), ...(subject === '' ? {} : { subject }) }
        return call('invitePerson', { body: { ...known, roles: String(roles).split(',') } })
      }}
      result={() => <p>{text('people.invited')}</p>}
    />
  )
}

export const people: Page = {
  path: '/people',
  title: 'people.title',
  listed: true,
  operation: 'getPeople',
  View: People,
}
