/** Outages: the announcements to servers, and the act that announces one. */
import { Act } from '../../kit/act.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Outage = {
  id: number
  message: string
  from: string
  until: string
  state: 'planned' | 'now' | 'over'
  memberClasses: string[]
  servers: string[]
  createdBy: string
  endedBy: string | null
}

const TONES: Record<Outage['state'], Tone> = { planned: 'quiet', now: 'warn', over: 'good' }

/** An API key stands there with its id, which the audit log has: that it is one is enough here. */
function withoutKeyId(name: string): string {
  return name.replace(/ \(key [^)]*\)$/, ` ${text('frame.byKey')}`)
}

export function Outages() {
  return (
    <>
      <Head title={text('outages.title')} lead={text('outages.lead')} acts={<Announce />} />
      <Table<Outage>
        operation="getOutages"
        caption={text('outages.title')}
        search="outages.search"
        filters={[
          {
            name: 'state',
            title: 'outages.state',
            options: [
              { value: '', title: text('outages.open') },
              { value: 'over', title: text('outages.over') },
              { value: 'all', title: text('common.all') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'outages.message', cell: ({ message }) => <bdi class="wrap">{message}</bdi> },
          {
            title: 'outages.state',
            cell: ({ state }) => <Status tone={TONES[state]} word={`outages.${state}`} />,
          },
          { title: 'outages.from', cell: ({ from }) => <Time at={from} relative /> },
          { title: 'outages.until', cell: ({ until }) => <Time at={until} relative /> },
          { title: 'outages.for', cell: (outage) => <bdi class="wrap">{scopeOf(outage)}</bdi> },
          { title: 'outages.by', cell: ({ createdBy }) => <bdi class="wrap">{withoutKeyId(createdBy)}</bdi> },
          {
            title: 'common.acts',
            acts: ['endOutage'],
            cell: ({ id, message, state }) =>
              state === 'over' ? null : (
                <Act
                  operation="endOutage"
                  button={text('outages.end')}
                  label={text('outages.endThis', { message })}
                  title={text('outages.endThis', { message })}
                  consequence={<p>{text('outages.endConsequence')}</p>}
                  send={(_, call) => call('endOutage', { params: { id: String(id) } })}
                  result={() => <p>{text('outages.ended')}</p>}
                />
              ),
          },
        ]}
        empty={<p>{text('outages.empty')}</p>}
      />
    </>
  )
}

function scopeOf({ memberClasses, servers }: Outage): string {
  const all = [...memberClasses, ...servers]
  return all.length === 0 ? text('outages.everybody') : all.join(', ')
}

function Announce() {
  const iso = (value: unknown): string => new Date(String(value)).toISOString()
  const listOf = (value: unknown): string[] =>
    String(value)
      .split(/[\s,]+/)
      .filter((one) => one !== '')
  return (
    <Act
      operation="addOutage"
      button={text('outages.add')}
      look="primary"
      title={text('outages.add')}
      consequence={<p>{text('outages.addConsequence')}</p>}
      fields={[
        {
          ...{ name: 'message', title: 'outages.message', hint: 'outages.messageHint' },
          ...{ type: 'long', maxLength: 500 },
        },
        { name: 'from', title: 'outages.from', hint: 'outages.fromHint', type: 'time', required: false },
        { name: 'until', title: 'outages.until', hint: 'outages.untilHint', type: 'time' },
        { name: 'memberClasses', title: 'outages.classes', hint: 'outages.classesHint', required: false },
        { name: 'servers', title: 'outages.servers', hint: 'outages.serversHint', required: false },
      ]}
      send={({ message, from, until, memberClasses, servers }, call) =>
        call('addOutage', {
          body: {
            ...{ message, until: iso(until) },
            ...(from === '' || from === undefined ? {} : { from: iso(from) }),
            ...{ memberClasses: listOf(memberClasses ?? ''), servers: listOf(servers ?? '') },
          },
        })
      }
      result={() => <p>{text('outages.added')}</p>}
    />
  )
}
