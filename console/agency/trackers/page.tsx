/** Which subsystems tell people who used their data, and what is withheld from them until when. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { segmentOf } from '../../kit/api.ts'
import { useMay } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { useTitles } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { NamedId } from '../words.tsx'
import { Exceptions, type Ground } from './exceptions.tsx'
import { Notices } from './notices.tsx'

type Tracker = { clientId: string; isOn: boolean; isInSoap: boolean; services: string[] }
type Trackers = { isAnswering: boolean; grounds: Ground[]; trackers: Tracker[] }

export function TrackersPage() {
  const found = useAnswer<Trackers>('getTrackers')
  return (
    <>
      <Head title={text('trackers.title')} lead={text('trackers.lead')} />
      <Show of={found}>
        {({ isAnswering, grounds, trackers }) => (
          <>
            {!isAnswering && <p class="note part">{text('trackers.noHolder')}</p>}
            <Part title={text('trackers.subsystems')}>
              <Subsystems of={trackers} />
            </Part>
            <Notices />
            <Exceptions grounds={grounds} clients={trackers.map(({ clientId }) => clientId)} />
          </>
        )}
      </Show>
    </>
  )
}

function Subsystems({ of }: { of: Tracker[] }) {
  const titleOf = useTitles(of.map(({ clientId }) => clientId))
  return (
    <HeldTable<Tracker>
      caption={text('trackers.subsystems')}
      name="subsystems"
      rows={of}
      rowKey={({ clientId }) => clientId}
      search="common.searchClient"
      words={({ clientId }) => titleOf(clientId)}
      columns={[
        { title: 'trackers.subsystem', cell: ({ clientId }) => <NamedId of={clientId} /> },
        {
          title: 'common.state',
          cell: ({ isOn }) => (
            <Status tone={isOn ? 'good' : 'quiet'} word={isOn ? 'services.on' : 'services.off'} />
          ),
        },
        {
          title: 'trackers.services',
          cell: ({ services }) =>
            // The subsystem that offers them stands in the same row.
            services.length > 0 && (
              <bdi>{services.map((id) => id.split(':').slice(4).join('/')).join(', ')}</bdi>
            ),
        },
        {
          title: 'common.acts',
          acts: ['switchTrackerOn', 'switchTrackerOff', 'getTrackerServices'],
          cell: (one) => <Switch of={one} />,
        },
      ]}
      empty={<p>{text('trackers.noSubsystem')}</p>}
    />
  )
}

function Switch({ of: { clientId, isOn } }: { of: Tracker }) {
  const params = { clientId }
  const maySee = useMay('getTrackerServices')
  return (
    <div class="acts">
      {maySee && (
        <Link to={`/trackers/${segmentOf(clientId)}`}>
          <span aria-hidden="true">{text('told.title')}</span>
          <span class="heard">{`${text('told.title')}: ${clientId}`}</span>
        </Link>
      )}
      {isOn ? (
        <Act<unknown>
          operation="switchTrackerOff"
          button={text('trackers.switchOff')}
          label={text('trackers.switchThisOff', { client: clientId })}
          title={text('trackers.switchThisOff', { client: clientId })}
          consequence={<p>{text('trackers.offConsequence')}</p>}
          nameToType={clientId}
          send={(_, call) => call('switchTrackerOff', { params })}
          result={() => <p>{text('trackers.isOff')}</p>}
        />
      ) : (
        <Act<Tracker>
          operation="switchTrackerOn"
          button={text('trackers.switchOn')}
          label={text('trackers.switchThisOn', { client: clientId })}
          title={text('trackers.switchThisOn', { client: clientId })}
          consequence={<p>{text('trackers.onConsequence')}</p>}
          fields={[
            {
              ...{ name: 'soap', title: 'trackers.soap', type: 'select', initial: 'false' },
              options: [
                { value: 'false', title: text('common.no') },
                { value: 'true', title: text('common.yes') },
              ],
            },
          ]}
          send={({ soap }, call) => call('switchTrackerOn', { params, body: { soap: soap === 'true' } })}
          result={() => <p>{text('trackers.isOn')}</p>}
        />
      )}
    </div>
  )
}
