/** All hosting mandates, the act that gives one, and whether the instance requires them. */
import { Act } from '../../kit/act.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { useClients, useMembers } from '../pick.ts'
import { MANDATE_COLUMNS, type Mandate } from './mandate.tsx'

export function HostingMandates() {
  const [members, clients] = [useMembers(), useClients()]
  return (
    <>
      <Head
        title={text('hosting.title')}
        lead={text('hosting.lead')}
        acts={
          <Act
            operation="addHostingMandate"
            button={text('hosting.add')}
            look="primary"
            title={text('hosting.add')}
            consequence={<p>{text('hosting.addConsequence')}</p>}
            fields={[
              {
                ...{ name: 'host', title: 'hosting.host', hint: 'hosting.hostHint', type: 'pick' },
                ...{ find: members, maxLength: 1100 },
              },
              {
                ...{ name: 'client', title: 'hosting.client', hint: 'hosting.clientHint', type: 'pick' },
                ...{ find: clients, maxLength: 1100 },
              },
              { name: 'validUntil', title: 'hosting.until', hint: 'hosting.untilHint', type: 'time' },
            ]}
            send={({ validUntil, ...body }, call) =>
              call('addHostingMandate', {
                body: { ...body, validUntil: new Date(String(validUntil)).toISOString() },
              })
            }
            result={() => <p>{text('hosting.added')}</p>}
          />
        }
      />
      <Policy />
      <Table<Mandate>
        operation="getHostingMandates"
        caption={text('hosting.title')}
        search="hosting.search"
        filters={[
          {
            name: 'state',
            title: 'hosting.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'inForce', title: text('hosting.inForce') },
              { value: 'ended', title: text('hosting.ended') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={MANDATE_COLUMNS}
        empty={<p>{text('hosting.empty')}</p>}
      />
    </>
  )
}

function Policy() {
  const policy = useAnswer<{ mandateRequired: boolean }>('getHostingPolicy')
  return (
    <Show of={policy}>
      {({ mandateRequired }) => (
        <Part title={text('hosting.policy')} acts={<SetPolicy now={mandateRequired} />}>
          <Facts of={[['hosting.required', text(mandateRequired ? 'common.yes' : 'common.no')]]} />
        </Part>
      )}
    </Show>
  )
}

function SetPolicy({ now }: { now: boolean }) {
  const name = now ? 'hosting.requireNoMore' : 'hosting.require'
  return (
    <Act
      operation="setHostingPolicy"
      button={text(name)}
      title={text(name)}
      consequence={<p>{text(`${name}Consequence`)}</p>}
      send={(_, call) => call('setHostingPolicy', { body: { mandateRequired: !now } })}
      result={() => <p>{text('hosting.policySet')}</p>}
    />
  )
}
