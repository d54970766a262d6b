/** Uses that are withheld for a time, each with its ground in law, and the acts that set and end one. */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import type { Values } from '../../kit/field.tsx'
import { NameOf, useTitles } from '../../kit/named.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { WhenBy } from '../cells.tsx'
import { FoldedId } from '../words.tsx'

export type Ground = { code: string; text: string }

type Exception = {
  id: string
  clientId: string
  messageId?: string
  contractId?: string
  ground: string
  owner: string
  setBy: string
  setAt: string
  endsAt: string
  endedAt: string | null
  isInForce: boolean
}

export function Exceptions(q: { grounds: Ground[]; clients: string[] }) {
  if (!useMay('getTrackerExceptions')) return null
  return <List {...q} />
}

function List({ grounds, clients }: { grounds: Ground[]; clients: string[] }) {
  const named = useTitles(clients)
  const wordsOf = (code: string): string => grounds.find((one) => one.code === code)?.text ?? code
  return (
    <Part title={text('trackers.exceptions')}>
      <p>{text('trackers.exceptionsLead')}</p>
      {grounds.length === 0 ? (
        <p class="note">{text('trackers.noGrounds')}</p>
      ) : (
        <div class="acts above-list">
          <Withhold grounds={grounds} clients={clients} />
        </div>
      )}
      <Table<Exception>
        operation="getTrackerExceptions"
        caption={text('trackers.exceptions')}
        search="trackers.searchExceptions"
        filters={[
          {
            ...{ name: 'clientId', title: 'trackers.subsystem' },
            options: [
              { value: '', title: text('common.all') },
              ...clients.map((one) => ({ value: one, title: named(one) })),
            ],
          },
          {
            ...{ name: 'state', title: 'common.state' },
            options: [
              { value: '', title: text('common.all') },
              { value: 'withheld', title: text('trackers.inForce') },
              { value: 'told', title: text('trackers.over') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'trackers.withheld', cell: (one) => <Withheld of={one} /> },
          {
            title: 'trackers.ground',
            cell: ({ ground, owner }) => (
              <>
                <bdi>{wordsOf(ground)}</bdi>
                <br />
                <bdi class="beside">{owner}</bdi>
              </>
            ),
          },
          { title: 'trackers.setAt', cell: ({ setAt, setBy }) => <WhenBy at={setAt} by={setBy} /> },
          {
            title: 'trackers.endsAt',
            cell: ({ endedAt, endsAt, isInForce }) => (
              <>
                <Status
                  tone={isInForce ? 'warn' : 'quiet'}
                  word={isInForce ? 'trackers.inForce' : 'trackers.over'}
                />
                <br />
                <Time at={endedAt ?? endsAt} />
              </>
            ),
          },
          { title: 'common.acts', acts: ['endTrackerException'], cell: (one) => <End of={one} /> },
        ]}
        empty={<p>{text('trackers.noException')}</p>}
      />
    </Part>
  )
}

/** One exchange, or all under a contract, of a subsystem. */
function Withheld({ of: { clientId, contractId, messageId } }: { of: Exception }) {
  return (
    <>
      {messageId === undefined ? (
        <FoldedId of={contractId} />
      ) : (
        <>
          {text('search.queryId')} <bdi class="id">{messageId}</bdi>
        </>
      )}
      <div class="beside">
        <NameOf id={clientId} />
      </div>
    </>
  )
}

function Withhold({ grounds, clients }: { grounds: Ground[]; clients: string[] }) {
  const named = useTitles(clients)
  return (
    <Act<Exception>
      operation="addTrackerException"
      button={text('trackers.withhold')}
      look="primary"
      title={text('trackers.withhold')}
      consequence={<p>{text('trackers.withholdConsequence')}</p>}
      fields={[
        {
          ...{ name: 'clientId', title: 'trackers.subsystem', type: 'select' },
          options: clients.map((one) => ({ value: one, title: named(one) })),
        },
        {
          ...{ name: 'messageId', title: 'search.queryId', hint: 'trackers.oneOfBoth' },
          ...{ required: false, maxLength: 255 },
        },
        { name: 'contractId', title: 'trackers.contract', required: false, maxLength: 36 },
        {
          ...{ name: 'ground', title: 'trackers.ground', type: 'select' },
          options: grounds.map(({ code, text: title }) => ({ value: code, title })),
        },
        { name: 'owner', title: 'trackers.owner', hint: 'trackers.ownerHint', maxLength: 200 },
        { name: 'endsAt', title: 'trackers.endsAt', type: 'time', hint: 'trackers.endsHint' },
      ]}
      send={(values, call) => call('addTrackerException', { body: exceptionIn(values) })}
      result={({ endsAt }) => (
        <p>
          {text('trackers.withheldUntil')} <Time at={endsAt} relative />
        </p>
      )}
    />
  )
}

function exceptionIn(values: Values): object {
  const given = Object.entries(values).map(([name, value]) => [name, String(value).trim()])
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

function End({ of: { id, isInForce, messageId, contractId } }: { of: Exception }) {
  if (!isInForce) return null
  const what = messageId ?? contractId ?? ''
  return (
    <div class="acts">
      <Act<unknown>
        operation="endTrackerException"
        button={text('trackers.end')}
        label={text('trackers.endThis', { what })}
        title={text('trackers.endThis', { what })}
        consequence={<p>{text('trackers.endConsequence')}</p>}
        send={(_, call) => call('endTrackerException', { params: { id } })}
        result={() => <p>{text('trackers.ended')}</p>}
      />
    </div>
  )
}
