/** A hosting mandate in the form of the API, and its columns in every list. */
import { Act } from '../../kit/act.tsx'
import type { Column } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink } from '../links.tsx'

export type Mandate = {
  id: number
  host: string
  client: string
  validUntil: string
  state: 'inForce' | 'ended'
}

export const MANDATE_COLUMNS: Column<Mandate>[] = [
  { title: 'hosting.host', cell: ({ host }) => <ClientLink id={host} /> },
  { title: 'hosting.client', cell: ({ client }) => <ClientLink id={client} /> },
  {
    title: 'hosting.state',
    cell: ({ state }) => <Status tone={state === 'inForce' ? 'good' : 'quiet'} word={`hosting.${state}`} />,
  },
  { title: 'hosting.until', cell: ({ validUntil }) => <Time at={validUntil} relative /> },
  {
    title: 'common.acts',
    acts: ['endHostingMandate'],
    cell: ({ id, host, client, state }) =>
      state === 'inForce' && (
        <div class="acts">
          <Act
            operation="endHostingMandate"
            button={text('hosting.end')}
            label={text('hosting.endThis', { host, client })}
            title={text('hosting.endThis', { host, client })}
            consequence={<p>{text('hosting.endConsequence')}</p>}
            send={(_, call) => call('endHostingMandate', { params: { id: String(id) } })}
            result={() => <p>{text('hosting.endDone')}</p>}
          />
        </div>
      ),
  },
]
