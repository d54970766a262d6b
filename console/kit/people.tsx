/** The people who may log in, and their roles: invite, change roles, lock, unlock, remove. */
import type { ComponentChildren } from 'preact'
import { Act } from './act.tsx'
import { ApiFault } from './api.ts'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { Head } from './facts.tsx'
import { type Person, PersonState } from './person.tsx'
import { type PeopleRules, PersonActs } from './person-acts.tsx'
import { roleField, roleName } from './roles.tsx'
import { Table } from './table.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

/** The page of people; `children` are shown above the list. */
export function People({ children, ...rules }: PeopleRules & { children?: ComponentChildren }) {
  const { session } = useConsole()
  return (
    <>
      <Head
        title={text('people.title')}
        lead={text('people.lead')}
        acts={<Invite everybody={rules.everybody} />}
      />
      {children}
      <Table<Person>
        operation="getPeople"
        caption={text('people.title')}
        search="people.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'people.name',
            cell: ({ id, name, email, subject }) => (
              <>
                <bdi>{name}</bdi>
                {id === session.id && <span class="beside"> {text('people.you')}</span>}
                <KnownBy {...{ name, email, subject }} />
              </>
            ),
          },
          { title: 'people.state', cell: ({ state }) => <PersonState state={state} /> },
          { title: 'people.roles', cell: ({ roles }) => roles.map(roleName).join(', ') },
          {
            title: 'people.lastLogin',
            cell: ({ lastLoginAt: at }) => (at === null ? text('people.never') : <Time at={at} relative />),
          },
          {
            title: 'common.acts',
            acts: [
              'changePersonRoles',
              'lockPerson',
              'unlockPerson',
              'removePasskeyOf',
              'givePasskeyCode',
              'removePerson',
            ],
            cell: (person) => <PersonActs of={person} {...rules} />,
          },
        ]}
        empty={<p>{text('people.empty')}</p>}
      />
    </>
  )
}

/** An invited person has no other name than the e-mail address, which is not said twice. */
function KnownBy({ name, email, subject }: Pick<Person, 'name' | 'email' | 'subject'>) {
  return (
    <>
      {email !== null && <p class="beside">{email === name ? text('people.email') : <bdi>{email}</bdi>}</p>}
      {subject !== null && (
        <p class="beside">
          {text('people.subject')} <Copyable value={subject} />
        </p>
      )}
    </>
  )
}

function Invite({ everybody }: { everybody: string }) {
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
        roleField(everybody, 'people.roles'),
      ]}
      send={async ({ email, subject, roles }, call) => {
        // Checked here, because a proposal would be refused only after its approval.
        if (email === '' && subject === '') throw new ApiFault(400, { message: text('people.needed') })
        const known = { ...(email === '' ? {} : { email }), ...(subject === '' ? {} : { subject }) }
        return call('invitePerson', { body: { ...known, roles: String(roles).split(',') } })
      }}
      result={() => <p>{text('people.invited')}</p>}
    />
  )
}
