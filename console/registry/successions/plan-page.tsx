/** Planning a succession from a member's page: who takes over what, the plan, and the start. */
import { Act } from '../../kit/act.tsx'
import { changeQuery, goTo, useAddress } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import type { Field, Find } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { useMembers } from '../pick.ts'
import { SuccessionPlan } from './plan.tsx'

type Member = { id: string; name: string; ownedServers: string[] }
const NAMES = ['successor', 'subsystems', 'servers'] as const
/** One page of the API; for more, the API must be called directly. */
const MOST = '500'

export function PlanPage({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const member = useAnswer<Member>('getMember', { params: { id } })
  const subsystems = useAnswer<{ id: string }[]>('getSubsystems', { params: { id }, query: { limit: MOST } })
  return (
    <Show of={member} page="successions.plan">
      {(data) => (
        <Show of={subsystems} page="successions.plan">
          {(own) => <Planning member={data} subsystems={own.map((one) => one.id.split(':').at(-1)!)} />}
        </Show>
      )}
    </Show>
  )
}

function Planning({ member, subsystems }: { member: Member; subsystems: string[] }) {
  const { query } = useAddress()
  const given = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']))
  const key = JSON.stringify(given)
  const taking = takingOf(given)
  const members = useMembers()
  const { id, name } = member
  return (
    <>
      <Head title={text('successions.plan')} lead={text('successions.planLead')} />
      <Part title={name}>
        <p>
          <Copyable value={id} />
        </p>
        <Form
          key={key}
          fields={fieldsOf(member, { subsystems, members }, given)}
          submit={text('successions.look')}
          send={async (values) => {
            const entries = NAMES.map((one) => [one, String(values[one] ?? '').trim()])
            changeQuery(Object.fromEntries(entries) as Record<string, string>)
          }}
        />
      </Part>
      {taking.successor !== '' && (
        <Part
          title={text('successions.wouldTake')}
          acts={
            <Act<{ id: number }>
              operation="beginSuccession"
              button={text('successions.begin')}
              look="primary"
              title={text('successions.beginTitle', { successor: taking.successor, name })}
              consequence={<p>{text('successions.beginConsequence')}</p>}
              nameToType={name}
              send={(_, call) => call('beginSuccession', { params: { id }, body: taking })}
              result={() => <p>{text('successions.beginDone')}</p>}
              then={(begun) => goTo(`/successions/${begun.id}`)}
            />
          }
        >
          <SuccessionPlan key={key} member={id} taking={taking} />
        </Part>
      )}
    </>
  )
}

function fieldsOf(
  { ownedServers }: Member,
  { subsystems, members }: { subsystems: string[]; members: Find },
  given: Record<string, string>,
): Field[] {
  const servers = ownedServers.map((one) => one.split(':').at(-1)!)
  const all: Field[] = [
    {
      ...{ name: 'successor', title: 'successions.successor', hint: 'successions.successorHint' },
      ...{ type: 'pick', find: members, maxLength: 1100 },
    },
    checks('subsystems', subsystems),
    ...(servers.length === 0 ? [] : [checks('servers', servers)]),
  ]
  return all.map((field) => ({ ...field, initial: given[field.name] ?? '' }))

  function checks(name: 'subsystems' | 'servers', codes: string[]): Field {
    return {
      name,
      title: `successions.${name}`,
      ...(name === 'subsystems' ? { hint: 'successions.subsystemsHint' } : {}),
      type: 'checks',
      required: false,
      // Encoded, because a code may contain the comma that separates the chosen ones.
      options: codes.map((code) => ({ value: encodeURIComponent(code), title: code })),
    }
  }
}

function takingOf({ successor = '', subsystems = '', servers = '' }: Record<string, string>) {
  const codes = (joined: string): string[] =>
    joined === '' ? [] : joined.split(',').map((code) => decodeURIComponent(code))
  return {
    successor,
    ...(subsystems === ''
      ? {}
      : { subsystems: codes(subsystems).map((subsystemCode) => ({ subsystemCode })) }),
    servers: codes(servers),
  }
}
